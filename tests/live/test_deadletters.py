"""Dead letters: found with their reason, sent again or discarded exactly once, whoever interrupts it."""

import json
import random
import signal
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.management import CommandError, call_command
from kombu import Connection

from app.celery import app
from app.queues import IO
from switchyard.deadletters import actions
from switchyard.deadletters.models import Action, Verb
from switchyard.deadletters.queue import DeadLetterQueue
from switchyard.outbox.models import Message
from switchyard.routing import QUEUES
from tests.gallery.models import Run
from tests.gallery.tasks import MENDED
from tests.live.broker import Vhost, dead
from tests.live.processes import Processes, eventually
from tests.malformed import as_yaml, pickled, valid

pytestmark = pytest.mark.every_broker

SEVERAL_HUNDRED = 400
KILLS = 12
FEWEST_KILLS = 4


def run(*arguments: str) -> tuple[int, str]:
    """The exit code and the output of a deadletters command, in this process."""
    output = StringIO()
    try:
        call_command("switchyard", "deadletters", *arguments, stdout=output)
    except CommandError as error:
        return error.returncode, output.getvalue()
    return 0, output.getvalue()


def listed(*arguments: str) -> list[dict[str, Any]]:
    code, output = run("list", "--json", *arguments)
    assert code == 0
    return [json.loads(line) for line in output.splitlines()]


def act(*arguments: str) -> dict[str, Any]:
    code, output = run(*arguments, "--json")
    assert code == 0, output
    return json.loads(output)


def ids(letters: list[dict[str, Any]]) -> set[str]:
    return {letter["id"] for letter in letters}


def test_the_list_is_what_failed_with_its_reason_and_its_error(yard: Processes, channel: Any) -> None:
    for queue in QUEUES:
        yard.worker(queue)
    failed = {app.tasks[f"gallery.{queue}_fail"].delay(f"{queue}-key").id: queue for queue in QUEUES}
    poison = app.tasks["gallery.cpu_die"].delay("poison").id
    expected = dict.fromkeys(QUEUES, 1) | {"cpu": 2}
    eventually(lambda: {queue: dead(channel, queue) for queue in QUEUES} == expected)
    letters = {letter["id"]: letter for letter in listed()}
    assert letters.keys() == {*failed, poison}
    for task_id, queue in failed.items():
        letter = letters[task_id]
        assert (letter["task"], letter["queue"], letter["reason"]) == (
            f"gallery.{queue}_fail",
            queue,
            "rejected",
        )
        assert (letter["deaths"], letter["fault"]) == (1, None)
        assert letter["error"] == f"ValueError: {queue}-key fails every time"
        assert letter["died_at"].startswith("20")
    assert letters[poison]["reason"] == "delivery_limit"
    assert "poison" not in json.dumps(letters[poison]).replace("gallery.cpu_die", "")


def test_the_filters_of_the_list_hold_together(bury: Callable[..., None]) -> None:
    bury(valid("gallery.io_wait", "a"))
    bury(valid("gallery.io_fail", "b"))
    bury(valid("gallery.cpu_wait", "c"), queue="cpu")
    assert ids(listed()) == {"a", "b", "c"}
    assert ids(listed("--queue", "cpu")) == {"c"}
    assert ids(listed("--task", "gallery.*_wait")) == {"a", "c"}
    assert ids(listed("--task", "gallery.*_wait", "--queue", "io")) == {"a"}
    assert ids(listed("--reason", "rejected")) == {"a", "b", "c"}
    assert ids(listed("--reason", "expired")) == set()
    assert ids(listed("--id", "b")) == {"b"}
    assert len(listed("--limit", "2")) == 2
    [group] = [group for group in json.loads(run("list", "--json", "--groups")[1]) if group["queue"] == "cpu"]
    assert group == {"queue": "cpu", "task": "gallery.cpu_wait", "reason": "rejected", "count": 1}


def test_show_prints_arguments_history_and_traceback(yard: Processes, channel: Any) -> None:
    yard.worker("io")
    sent = app.tasks["gallery.io_fail"].delay("doomed")
    eventually(lambda: dead(channel) == 1)
    code, output = run("show", sent.id, "--json")
    found = json.loads(output)
    assert (code, found["args"], found["kwargs"]) == (0, ["doomed"], {})
    assert found["headers"]["task"] == "gallery.io_fail"
    [death] = found["history"]
    assert (death["queue"], death["reason"], death["count"]) == ("io", "rejected", 1)
    assert "in fail" in found["traceback"]
    assert "doomed fails every time" in run("show", sent.id)[1]
    assert run("show", "nobody")[0] == 1


def test_looking_and_dry_runs_change_nothing(bury: Callable[..., None], channel: Any) -> None:
    for number in range(5):
        bury(valid("gallery.io_wait", str(number)))
    for arguments in (["list"], ["show", "1"], ["replay"], ["discard"], ["replay", "--limit", "1"]):
        assert run(*arguments)[0] == 0
    would = act("replay", "--task", "gallery.io_*")
    group = {"queue": "io", "task": "gallery.io_wait", "reason": "rejected", "count": 5}
    assert would == {"verb": "replay", "dry_run": True, "count": 5, "groups": [group], "refused": []}
    assert "add --yes" in run("discard")[1]
    assert ids(listed()) == set("01234")
    assert not Action.objects.exists()
    assert not Message.objects.exists()


def test_a_replay_after_the_fix_runs_the_task_again_with_its_id(yard: Processes, channel: Any) -> None:
    yard.worker("io")
    yard.start("relay")
    sent = app.tasks["gallery.io_fragile"].delay("work")
    eventually(lambda: dead(channel) == 1)
    Run.objects.create(key=MENDED, attempt=0, started=0)
    assert act("replay", "--yes", "--by", "ada")["count"] == 1
    run = eventually(lambda: Run.objects.filter(key="work", finished__isnull=False).first())
    assert run.task_id == sent.id
    assert dead(channel) == 0
    action = Action.objects.get()
    assert (action.verb, action.by, action.task_id) == (Verb.REPLAY, "ada", sent.id)
    assert (action.task, action.queue, action.reason) == ("gallery.io_fragile", "io", "rejected")


def test_a_replay_has_all_its_retries_before_it_and_does_not_expire(
    yard: Processes, bury: Callable[..., None]
) -> None:
    draft = valid("gallery.io_retry", "again", retries=7)
    draft.headers["expires"] = "2020-01-01T00:00:00+00:00"
    draft.body = json.dumps([["again", [0, 0]], {}, None]).encode()
    bury(draft)
    yard.worker("io")
    yard.start("relay")
    assert act("replay", "--yes")["count"] == 1
    eventually(lambda: Run.objects.filter(finished__isnull=False).exists())
    assert sorted(Run.objects.values_list("task_id", "attempt")) == [("again", 0), ("again", 1), ("again", 2)]


def test_what_is_replayed_and_dies_again_is_a_dead_letter_that_can_be_replayed_again(
    yard: Processes, channel: Any
) -> None:
    yard.worker("io")
    yard.start("relay")
    sent = app.tasks["gallery.io_fail"].delay("stubborn")
    for time_over in (1, 2, 3):
        eventually(lambda: dead(channel) == 1)
        [letter] = listed()
        assert (letter["id"], letter["deaths"]) == (sent.id, 1)
        assert act("replay", "--yes")["count"] == 1
        eventually(lambda time_over=time_over: Run.objects.count() == 1 + time_over)
    assert Action.objects.filter(task_id=sent.id).count() == 3


def test_a_discard_takes_out_what_its_filter_says_and_writes_it_down(
    bury: Callable[..., None], channel: Any
) -> None:
    bury(valid("gallery.io_wait", "keep"))
    bury(valid("gallery.io_fail", "drop"))
    assert act("discard", "--task", "*_fail", "--yes", "--by", "ada")["count"] == 1
    assert ids(listed()) == {"keep"}
    action = Action.objects.get()
    assert (action.verb, action.task_id, action.task, action.by) == (
        "discard",
        "drop",
        "gallery.io_fail",
        "ada",
    )
    assert (action.queue, action.reason) == ("io", "rejected")
    assert action.died_at is not None
    assert not Message.objects.exists()


def test_a_replay_that_dies_after_its_commit_is_finished_by_the_next(
    bury: Callable[..., None], monkeypatch: pytest.MonkeyPatch, channel: Any
) -> None:
    """The moment between: the messages are in the outbox, and still in the dead-letter queue."""
    for number in range(3):
        bury(valid("gallery.io_wait", str(number)))
    with monkeypatch.context() as patch:
        patch.setattr(DeadLetterQueue, "take_out", killed)
        with pytest.raises(Killed):
            run("replay", "--yes")
    assert Message.objects.count() == 3
    eventually(lambda: dead(channel) == 3, what="the letters to be back in their queue")
    assert act("replay", "--yes")["count"] == 3
    assert dead(channel) == 0
    assert sorted(Message.objects.values_list("task_id", flat=True)) == ["0", "1", "2"]
    assert Action.objects.count() == 3


@pytest.mark.parametrize("verb", Verb.values)
def test_whoever_dies_before_the_commit_has_changed_nothing(
    bury: Callable[..., None], monkeypatch: pytest.MonkeyPatch, channel: Any, verb: str
) -> None:
    for number in range(3):
        bury(valid("gallery.io_wait", str(number)))
    with monkeypatch.context() as patch:
        patch.setattr(Action.objects, "bulk_create", killed)
        with pytest.raises(Killed):
            run(verb, "--yes")
    eventually(lambda: dead(channel) == 3, what="the letters to be back in their queue")
    assert ids(listed()) == set("012")
    assert not Message.objects.exists()
    assert not Action.objects.exists()


class Killed(BaseException):
    """As SIGKILL: nobody catches it."""


def killed(*_: Any) -> None:
    raise Killed


def test_a_replay_killed_again_and_again_runs_each_task_exactly_once(
    yard: Processes, bury: Callable[..., None], channel: Any, vhost: Vhost
) -> None:
    keys = {f"task-{number}" for number in range(SEVERAL_HUNDRED)}
    for key in keys:
        bury(valid("gallery.io_wait", key))
    dice = random.Random(1)
    kills = 0
    # A slow machine lets each replay come further before it is killed: the letters may be used up first.
    while kills < KILLS and recorded_ids() < keys:
        before = Action.objects.count()
        replay = yard.start("deadletters", "replay", "--yes", "--rate", "100/s")
        eventually(lambda before=before: Action.objects.count() > before, what=f"progress of run {kills}")
        # At any point of its cycle: look, commit, take out, wait (0.2 s).
        time.sleep(dice.uniform(0, 0.25))
        replay.kill_all()
        kills += 1
        everywhere(vhost, keys)
    assert kills >= FEWEST_KILLS
    yard.start("relay")
    yard.worker("io")
    # What the last one held is back in the queue when the broker has noticed that it is gone.
    eventually(lambda: run("replay", "--yes")[0] == 0 and dead(channel) == 0 and recorded_ids() == keys)
    eventually(lambda: Run.objects.filter(finished__isnull=False).count() == SEVERAL_HUNDRED)
    assert set(Run.objects.values_list("key", flat=True)) == keys
    eventually(lambda: not Message.objects.exists())
    assert Run.objects.count() == Action.objects.count() == SEVERAL_HUNDRED
    assert dead(channel) == 0


def everywhere(vhost: Vhost, keys: set[str]) -> None:
    """Each is a dead letter or in the outbox. One that was killed between is both, and recorded as sent."""
    waiting: list[str] = []

    def none_is_missing() -> bool:
        """As soon as those that the killed process held are back in their queue."""
        waiting[:] = [letter["id"] for letter in listed()]
        return keys <= {*waiting, *recorded_ids()}

    try:
        eventually(none_is_missing)
    except AssertionError:
        pytest.fail(f"nowhere: {sorted(keys - recorded_ids() - {*waiting})}; the broker says {held(vhost)}")
    sent = list(Message.objects.values_list("task_id", flat=True))
    recorded = recorded_ids()
    assert len(waiting) == len(set(waiting))
    assert set(sent) == recorded
    assert len(sent) == len(recorded)
    assert set(waiting) | set(sent) == keys


def held(vhost: Vhost) -> list[dict[str, Any]]:
    """What a management API knows of the queues, 10 s late: who holds a message that nobody finds?"""
    columns = "name,messages_ready,messages_unacknowledged,consumers,state"
    url = f"{vhost.management_url}/api/queues/{vhost.name}?columns={columns}"
    return httpx.get(url, timeout=30).json()


def recorded_ids() -> set[str]:
    return set(Action.objects.values_list("task_id", flat=True))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_replay_that_is_told_to_stop_says_how_far_it_came(
    yard: Processes, bury: Callable[..., None], channel: Any, number: signal.Signals
) -> None:
    for key in range(50):
        bury(valid("gallery.io_wait", str(key)))
    replay = yard.start("deadletters", "replay", "--yes", "--rate", "5/s")
    eventually(lambda: Action.objects.count() >= 2)
    replay.signal(number)
    assert replay.wait() == 1
    done = Action.objects.count()
    assert f"Replayed {done} dead letters." in replay.text()
    assert "Interrupted" in replay.text()
    eventually(lambda: dead(channel) == 50 - done, what="the rest to be back in its queue")
    assert Message.objects.count() == done


def test_a_rate_is_kept(bury: Callable[..., None]) -> None:
    for key in range(30):
        bury(valid("gallery.io_wait", str(key)))
    before = time.monotonic()
    act("replay", "--yes", "--rate", "10/s")
    assert time.monotonic() - before >= 2.5
    assert Action.objects.count() == 30


def test_two_operators_at_once_replay_each_dead_letter_once(
    yard: Processes, bury: Callable[..., None], channel: Any
) -> None:
    keys = {str(number) for number in range(200)}
    for key in keys:
        bury(valid("gallery.io_wait", key))
    replay = ("deadletters", "replay", "--yes", "--rate", "100/s", "--by")
    both = [yard.start(*replay, name) for name in ("ada", "bob")]
    assert [process.wait() for process in both] == [0, 0]
    assert dead(channel) == 0
    assert sorted(Message.objects.values_list("task_id", flat=True)) == sorted(keys)
    # The second has waited for the first, which leaves it nothing.
    assert set(Action.objects.values_list("by", flat=True)) < {"ada", "bob"}


def test_what_one_operator_holds_another_does_not_see_and_finds_again(
    bury: Callable[..., None], vhost: Vhost, channel: Any
) -> None:
    for key in "abc":
        bury(valid("gallery.io_wait", key))
    with Connection(vhost.url) as connection:
        looking = connection.channel()
        looking.basic_get(IO.dead_letter_queue)
        assert len(listed()) == 2
    assert len(eventually(lambda: len(found := listed()) == 3 and found)) == 3


def test_what_cannot_be_replayed_stays_and_is_named(bury: Callable[..., None], channel: Any) -> None:
    broken, unknown = valid("gallery.io_wait", "broken"), valid("gallery.io_unheard_of", "unknown")
    broken.headers["retries"] = "many"
    for draft in (broken, unknown, valid("gallery.io_wait", "sound")):
        bury(draft)
    code, output = run("replay", "--yes", "--json")
    done = json.loads(output)
    assert (code, done["count"]) == (1, 1)
    assert {row["why"] for row in done["refused"]} == {
        "header retries is not a number from 0",
        "this release knows no such task",
    }
    assert ids(listed()) == {"broken", "unknown"}


def test_pickle_yaml_and_unreadable_letters_can_be_shown_and_discarded_and_are_never_decoded(
    bury: Callable[..., None], tmp_path: Path, channel: Any
) -> None:
    canary = tmp_path / "canary"
    for kind in (pickled, as_yaml):
        draft = valid("gallery.io_wait", kind.__name__)
        kind(draft, canary)
        bury(draft)
    odd = valid("gallery.io_wait", "odd")
    odd.raw = b"\x80\x00\x02\xff\xff"
    bury(odd)
    bomb = valid("gallery.io_wait", "bomb")
    bomb.headers["compression"] = "application/x-gzip"
    bury(bomb)
    assert {letter["reason"] for letter in listed()} == {"rejected", "unreadable"}
    shown = json.loads(run("show", "pickled", "--json")[1])
    assert (shown["fault"], shown["content_type"]) == (
        "content type is not application/json",
        "application/x-python-serialize",
    )
    assert shown["body_start"]
    assert run("replay", "--yes")[0] == 1
    assert not Message.objects.exists()
    assert act("discard", "--reason", "unreadable", "--yes")["count"] == 1
    assert act("discard", "--yes")["count"] == 3
    assert dead(channel) == 0
    assert not canary.exists()


@pytest.mark.django_db
def test_a_broker_that_is_away_is_exit_code_3_and_one_sentence(settings: Any, vhost: Vhost) -> None:
    settings.CELERY_BROKER_URL = "pyamqp://user:secret@127.0.0.1:1/"
    with pytest.raises(CommandError) as refused:
        call_command("switchyard", "deadletters", "list")
    assert refused.value.returncode == 3
    assert "secret" not in str(refused.value)


@pytest.mark.django_db
def test_a_vhost_without_dead_letter_queues_is_exit_code_3_and_says_what_to_run(vhost: Vhost) -> None:
    with pytest.raises(CommandError, match="topology apply") as refused:
        call_command("switchyard", "deadletters", "list")
    assert refused.value.returncode == 3


def test_wrong_usage_is_exit_code_2(processes: Processes) -> None:
    for wrong in (["replay", "--rate", "fast"], ["list", "--limit", "0"], ["list", "--queue", "x"], ["show"]):
        assert processes.run("deadletters", *wrong).returncode == 2


def test_a_message_from_before_a_release_knew_its_task_is_replayed_by_it(
    bury: Callable[..., None], monkeypatch: pytest.MonkeyPatch, channel: Any
) -> None:
    bury(valid("gallery.io_wait", "early"))
    with monkeypatch.context() as patch:
        patch.setattr(actions, "tasks", dict)
        assert run("replay", "--yes")[0] == 1
    assert act("replay", "--yes")["count"] == 1
    assert Message.objects.get().queue == "io"
