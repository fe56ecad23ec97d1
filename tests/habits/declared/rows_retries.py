"""Rows about retries: how often, and how long each waits."""

from functools import partial
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


for declared, task, here, stock in (
    ('`retry_kwargs={"countdown": 60}`', tasks.after_a_countdown, "waits 60", "waits 60"),
    ("`retry_backoff=False`", tasks.without_back_off, "waits 180", "waits 180"),
    ("`retry_backoff=True`", tasks.with_back_off, "waits 1", "waits 1"),
    ("`autoretry_for` alone", tasks.says_nothing, "waits 2", "waits 180"),
    ("`max_retries=None`", tasks.retries_for_ever, "run 8", "run 8"),
    ("`max_retries=0`", tasks.never_retries, "gives up", "gives up"),
    ("`self.retry(max_retries=1)`", tasks.says_it_at_the_call, "gives up in run 1", "gives up in run 1"),
):
    row(declared, here=here, stock=stock)(partial(first_note, task))
