"""What is asked for on all dead letters is done once to each, whoever is killed, and says what came of it."""

import random
import time
from collections.abc import Callable
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command

from switchyard.deadletters import jobs
from switchyard.deadletters.models import Action, Copy, Deed, Job, State
from switchyard.deadletters.turn import Turn
from switchyard.deadletters.work import Worker
from switchyard.ops import copies
from switchyard.ops.jobs import verdict
from switchyard.outbox.models import Message
from switchyard.stop import Stop
from switchyard.tasks.models import Chord
from tests.live.broker import dead
from tests.live.jobs import work as do_all
from tests.live.processes import Processes, eventually
from tests.malformed import Draft, valid

MANY = 150
KILLS = 4


def work(job: Job) -> Job:
    """Have the job done in this process, as the role would."""
    do_all()
    job.refresh_from_db()
    return job


def test_the_copy_is_what_waits_and_is_searched_counted_and_swept(
    bury: Callable[..., None], channel: Any
) -> None:
    bury(valid("gallery.io_wait", "one"), valid("gallery.io_fail", "two"), valid("gallery.io_wait", "three"))
    bury(valid("gallery.cpu_wait", "four"), queue="cpu")
    copied = work(jobs.ask(Deed.COPY, "ada"))
    assert (copied.state, copied.looked_at) == (State.DONE, 4)
    found = {row["task_id"] for row in copies.newest_first(copies.meant({"task": "gallery.io_*"}))}
    assert found == {"one", "two", "three"}
    [most, *_] = copies.groups(copies.meant({"queue": "io"})).rows
    assert (most["task"], most["count"]) == ("gallery.io_wait", 2)
    channel.queue_purge("io.dead")
    work(jobs.ask(Deed.COPY, "ada"))
    assert list(Copy.objects.values_list("task_id", flat=True)) == ["four"]
    assert "wait" not in str(Copy.objects.values().first()).replace("gallery.cpu_wait", "")


def test_a_job_that_is_killed_again_and_again_does_each_once(
    yard: Processes, bury: Callable[..., None], channel: Any
) -> None:
    """Beside it somebody at a terminal does a part of the same."""
    bury(*(valid("gallery.io_wait", f"task-{number}") for number in range(MANY)))
    asked = jobs.ask(Deed.REPLAY, "ada", why="mended", rate=200.0, counted=MANY)
    dice = random.Random(2)
    for _ in range(KILLS):
        before = Action.objects.count()
        role = yard.start("jobs")
        eventually(lambda before=before: Action.objects.count() > before or not dead(channel))
        time.sleep(dice.uniform(0, 0.2))
        role.kill_all()
    by_hand = ["--limit", "20", "--yes", "--by", "bob"]
    call_command("switchyard", "deadletters", "replay", *by_hand, stdout=StringIO())
    eventually(lambda: work(asked).is_over and not dead(channel), what="all of them")
    recorded = list(Action.objects.values_list("task_id", flat=True))
    sent = list(Message.objects.values_list("task_id", flat=True))
    assert sorted(recorded) == sorted(sent) == sorted(f"task-{number}" for number in range(MANY))
    assert asked.done == Action.objects.filter(job=asked.pk, by="ada").count()
    assert sum(Job.objects.filter(deed=Deed.REPLAY).values_list("done", flat=True)) == MANY


def test_a_job_that_is_cancelled_keeps_what_it_did_and_leaves_the_rest(
    bury: Callable[..., None], channel: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "NOTE_SECONDS", 0)
    bury(*(valid("gallery.io_wait", f"{number}") for number in range(5)))
    waiting = jobs.ask(Deed.DISCARD, "ada")
    assert jobs.cancel(waiting, "bob")
    assert not jobs.cancel(waiting, "bob")
    running = jobs.ask(Deed.DISCARD, "ada", state=State.RUNNING)
    assert jobs.cancel(running, "bob")
    assert (work(running).state, running.cancelled_by) == (State.CANCELLED, "bob")
    waiting.refresh_from_db()
    assert (waiting.state, waiting.done) == (State.CANCELLED, 0)
    eventually(lambda: dead(channel) == 5 - running.done, what="the rest to be back")
    assert running.done < 5


def test_a_job_waits_for_who_walks_through_the_letters_and_for_a_broker_that_is_away(
    bury: Callable[..., None], settings: Any
) -> None:
    bury(valid("gallery.io_wait", "one"))
    asked, worker = jobs.ask(Deed.REPLAY, "ada"), Worker(Stop())
    with Turn() as somebody:
        assert somebody.take()
        assert not worker.turn()
    there = settings.CELERY_BROKER_URL
    settings.CELERY_BROKER_URL = "pyamqp://user:secret@127.0.0.1:1/"
    assert not worker.turn()
    asked.refresh_from_db()
    assert (asked.state, verdict(asked).kind) == (State.WAITING, "bad")
    assert "did not answer" in asked.trouble
    assert "secret" not in asked.trouble
    settings.CELERY_BROKER_URL = there
    assert (work(asked).state, asked.done, asked.trouble) == (State.DONE, 1, "")


def part(group: str, task_id: str) -> Draft:
    """One part of a chord, as Celery sends it."""
    draft = valid("gallery.io_wait", task_id)
    draft.headers["group"] = group
    body = {"task": "gallery.io_wait", "args": [], "kwargs": {}, "options": {}}
    draft.body = draft.body.replace(b'"chord": null', f'"chord": {body}'.replace("'", '"').encode())
    assert b'"chord": {' in draft.body
    return draft


def test_a_replay_of_parts_whose_chord_has_failed_says_so(bury: Callable[..., None]) -> None:
    """Control: one whose other parts still run can end well."""
    over, runs = uuid4().hex, uuid4().hex
    Chord.objects.create(group_id=runs, header="[]", parts=3)
    bury(part(over, "a"), part(over, "b"), part(runs, "c"), valid("gallery.io_wait", "d"))
    replayed = work(jobs.ask(Deed.REPLAY, "ada"))
    assert (replayed.done, replayed.chords_over) == (4, 2)
    said = verdict(replayed)
    assert said.kind == "warning"
    assert "2 of them are parts of chords that have failed for good" in said.text
