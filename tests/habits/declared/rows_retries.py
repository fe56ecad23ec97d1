"""Rows about retries: how often, and how long each waits."""

from typing import Any
from uuid import uuid4

from declared import tasks_retries as tasks
from declared.rows import notes, row


def first_note(task: Any) -> str:
    key = uuid4().hex
    task.delay(key)
    return notes(key, 1)[0]


@row("`default_retry_delay=300`", here=["waits 300"] * 2, stock=["waits 300"] * 2)
def default_retry_delay() -> list[str]:
    return [first_note(tasks.after_its_delay), first_note(tasks.by_itself_after_its_delay)]


@row('`retry_kwargs={"countdown": 60}`', here="waits 60", stock="waits 60")
def retry_kwargs() -> str:
    return first_note(tasks.after_a_countdown)


@row("`retry_backoff=False`", here="waits 180", stock="waits 180")
def no_retry_backoff() -> str:
    return first_note(tasks.without_back_off)


@row("`retry_backoff=True`", here="waits 1", stock="waits 1")
def retry_backoff() -> str:
    return first_note(tasks.with_back_off)


@row("`autoretry_for` alone", here="waits 2", stock="waits 180")
def autoretry_for() -> str:
    return first_note(tasks.says_nothing)


@row("`max_retries=None`", here="run 8", stock="run 8")
def endless_retries() -> str:
    return first_note(tasks.retries_for_ever)


@row("`max_retries=0`", here="gives up", stock="gives up")
def no_retries() -> str:
    return first_note(tasks.never_retries)


@row("`self.retry(max_retries=1)`", here="gives up in run 1", stock="gives up in run 1")
def retries_of_a_call() -> str:
    return first_note(tasks.says_it_at_the_call)
