"""A dead letter is told apart, filtered, shown and sent again by what the broker wrote into it."""

import io
import json
import time
import zlib
from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kombu.message import Message
from kombu.transport.native_delayed_delivery import calculate_routing_key

from switchyard.deadletters import listing
from switchyard.deadletters.actions import REPLAY_OF, resent, why_not_replayed
from switchyard.deadletters.letter import DeadLetter
from switchyard.deadletters.scan import MOST_GROUPS, Selection, Tally
from switchyard.ops.commands.arguments import rate
from switchyard.ops.console import Progress, user_name
from switchyard.queues import UNROUTABLE
from switchyard.routing import QUEUES
from tests.malformed import valid

DIED = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001 - as py-amqp returns it
DEATH = {"queue": "io", "reason": "rejected", "count": 1, "time": DIED, "exchange": "tasks"}
WAITED = {"queue": "celery_delayed_3", "reason": "expired", "count": 9, "time": DIED}


def letter(
    task: str = "gallery.io_wait", task_id: str = "x", place: str = "io", **headers: Any
) -> DeadLetter:
    draft = valid(task, task_id)
    draft.headers |= {"x-death": [DEATH], **headers}
    return DeadLetter(
        place,
        Message(
            body=zlib.compress(draft.body) if "compression" in headers else draft.body,
            headers=draft.headers,
            content_type=draft.content_type,
            content_encoding=draft.content_encoding,
            properties={"correlation_id": task_id, "reply_to": "", "application_headers": draft.headers},
            delivery_info={"routing_key": calculate_routing_key(3, "removed")},
        ),
    )


def test_the_death_in_its_own_queue_counts_and_not_the_waits_of_a_countdown() -> None:
    found = letter(**{"x-death": [WAITED, DEATH]})
    assert (found.reason, found.died_at, found.deaths) == ("rejected", DIED.replace(tzinfo=UTC), 1)
    assert [death.queue for death in found.history] == ["celery_delayed_3", "io"]


@pytest.mark.parametrize(
    "death", [None, "x", 7, [], [7], [{}], [{"queue": 7, "reason": [], "count": "x", "time": "soon"}]]
)
def test_a_death_history_that_is_none_is_no_death(death: Any) -> None:
    found = letter(**{"x-death": death})
    assert (found.reason, found.died_at) == ("", None)
    assert listing.line(found, "")


@pytest.mark.parametrize(
    ("selection", "matches"),
    [
        (Selection(), True),
        (Selection(task="gallery.io_*"), True),
        (Selection(task="gallery.cpu_*"), False),
        (Selection(task="GALLERY.*"), False),
        (Selection(reason="rejected"), True),
        (Selection(reason="expired"), False),
        (Selection(task_id="x"), True),
        (Selection(task_id="y"), False),
        (Selection(task="*", reason="rejected", task_id="y"), False),
    ],
)
def test_a_selection_matches_when_all_that_it_says_holds(selection: Selection, matches: bool) -> None:
    assert selection.matches(letter()) is matches


def test_each_look_at_a_dead_letter_finds_the_same_identity() -> None:
    counted = letter(**{"x-delivery-count": 3, "x-acquired-count": 2})
    assert counted.identity == letter().identity


@pytest.mark.parametrize(
    "other",
    [
        letter(task_id="y"),
        letter(task="gallery.io_fail"),
        letter(**{"x-death": [DEATH | {"time": DIED.replace(second=6)}]}),
        letter(**{"x-death": [DEATH | {"count": 2}]}),
        letter(**{REPLAY_OF: "the first one"}),
    ],
)
def test_another_death_is_another_identity(other: DeadLetter) -> None:
    assert other.identity != letter().identity


def test_a_compressed_one_is_shown_and_sent_again_as_it_was() -> None:
    """Its body is text in the outbox, which the relay compresses."""
    dead, plain = letter(compression="gzip"), letter()
    assert dead.fault == ""
    assert listing.details(dead, "", "")["args"] == ["x"]
    row = resent(dead)
    assert (row.body, json.loads(row.headers)["compression"]) == (plain.body.decode(), "gzip")


def test_a_replay_sends_the_task_without_its_past() -> None:
    past = {"x-delivery-count": 1, "x-acquired-count": 1, "x-first-death-reason": "rejected"}
    other = {"retries": 5, "expires": "2026-01-01T00:00:00+00:00", "CC": ["cpu"], "tenant": "acme"}
    dead = letter(**past, **other)
    row = resent(dead)
    headers = json.loads(row.headers)
    assert not [name for name in headers if name.startswith("x-") or name in {"eta", "expires", "CC"}]
    assert (headers["id"], headers["task"], headers["retries"]) == ("x", "gallery.io_wait", 0)
    assert (headers["tenant"], headers[REPLAY_OF]) == ("acme", dead.identity)
    assert (row.task_id, row.queue, row.due, row.body) == ("x", "io", None, dead.body.decode())
    properties = json.loads(row.properties)
    assert properties == {"correlation_id": "x", "reply_to": "", "delivery_mode": 2} | {
        key: properties[key] for key in ("content_type", "content_encoding") if key in properties
    }


def unrouted(**headers: Any) -> DeadLetter:
    """Its countdown had ended, and its queue was not there."""
    return letter(place=UNROUTABLE, **{"x-death": [WAITED], "retries": 5, **headers})


def test_what_found_no_queue_says_which() -> None:
    found = unrouted()
    assert (found.reason, found.died_at) == (UNROUTABLE, DIED.replace(tzinfo=UTC))
    assert "found no queue removed" in listing.line(found, "")
    assert listing.summary(found, "")["error"] == "found no queue removed"
    published = unrouted(**{"x-death": None})
    assert (published.reason, published.died_at) == (UNROUTABLE, None)


def test_a_dead_letter_whose_own_queue_was_not_there_is_one_among_what_found_none() -> None:
    found = letter(place=UNROUTABLE, retries=5)
    assert found.reason == "rejected"
    assert json.loads(resent(found).headers)["retries"] == 0


def test_what_found_no_queue_is_sent_again_with_all_that_it_had() -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    found = unrouted(eta=soon.isoformat(), expires="2026-01-01T00:00:00+00:00", CC=["cpu"])
    row = resent(found)
    headers = json.loads(row.headers)
    assert (headers["retries"], headers["expires"]) == (5, "2026-01-01T00:00:00+00:00")
    assert not [name for name in headers if name.startswith("x-") or name == "CC"]
    assert row.queue == "io"
    assert row.due is not None
    assert 3590 < row.due - time.monotonic() < 3610
    assert resent(unrouted(eta="2026-01-01T00:00:00+00:00")).due is None


def test_a_replay_to_a_queue_takes_tasks_that_have_no_route_any_more() -> None:
    found = unrouted(task="nowhere.gone")
    assert why_not_replayed(found) == "this release knows no such task"
    assert why_not_replayed(found, QUEUES["cpu"]) == ""
    assert resent(found, QUEUES["cpu"]).queue == "cpu"
    assert why_not_replayed(unrouted(retries="x"), QUEUES["cpu"]) == "header retries is not a number from 0"


def test_a_replay_keeps_what_only_the_sender_could_know() -> None:
    found = letter(timelimit=[30, 20], root_id="root", parent_id="parent", group="group")
    headers = json.loads(resent(found).headers)
    assert (headers["timelimit"], headers["root_id"]) == ([30, 20], "root")
    assert (headers["parent_id"], headers["group"]) == ("parent", "group")


def test_what_no_worker_would_run_is_not_replayed() -> None:
    assert why_not_replayed(letter()) == ""
    assert why_not_replayed(letter(retries="x")) == "header retries is not a number from 0"
    assert why_not_replayed(letter(task="gallery.io_gone")) == "this release knows no such task"
    assert why_not_replayed(letter(task="nowhere.gone")) == "this release knows no such task"


def test_a_list_shows_nothing_of_the_payload_and_moves_no_cursor() -> None:
    found = letter(task="gallery.\x1b[2Jevil", task_id="x", argsrepr="('secret',)", tenant="secret")
    text = listing.line(found, "ValueError: first\nsecond\x1b[1A")
    assert text.isprintable()
    assert "secret" not in text + json.dumps(listing.summary(found, ""))


def test_the_details_hold_headers_of_every_type_however_deep() -> None:
    deep: Any = "bottom"
    for _ in range(400):
        deep = {"a": [deep]}
    found = listing.details(letter(deep=deep, when=DIED, raw=b"\xff", **{"x-death": [DEATH]}), "", "")
    assert json.loads(json.dumps(found))["args"] == ["x"]
    assert list(listing.sections(found))


def test_a_count_of_endless_task_names_stays_small() -> None:
    tally = Tally()
    for number in range(2 * MOST_GROUPS):
        tally.add(letter(task=f"made.up.{number}"))
    assert tally.total == 2 * MOST_GROUPS
    assert len(tally.rows()) == MOST_GROUPS + 1
    assert tally.rows()[0] == {
        "queue": "io",
        "task": "(others)",
        "reason": "(others)",
        "count": MOST_GROUPS,
    }


@pytest.mark.parametrize(("text", "value"), [("50/s", 50), ("50", 50), ("0.5/s", 0.5), ("inf", float("inf"))])
def test_a_rate_is_a_number_a_second(text: str, value: float) -> None:
    assert rate(text) == value


@pytest.mark.parametrize("text", ["", "0", "0/s", "-1", "fast", "5/m", "nan", "1e9"])
def test_anything_else_is_no_rate(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="expected a number a second"):
        rate(text)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("output", [Terminal(), io.StringIO()])
def test_progress_is_a_bar_on_a_terminal_and_whole_lines_elsewhere(
    output: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 10_000, 6))
    monkeypatch.setattr("switchyard.ops.console.time.monotonic", lambda: next(clock))
    progress = Progress(output)
    progress.expect(4)
    for _ in range(2):
        progress.step()
    progress.end()
    assert "[############............] 2 of 4 dead letters" in output.getvalue()
    assert ("\r" in output.getvalue()) is output.isatty()
    assert output.getvalue().count("\n") == (0 if output.isatty() else 2)


def test_a_user_without_a_name_is_known_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 10001")

    monkeypatch.setattr("switchyard.ops.console.getpass.getuser", nameless)
    assert user_name().startswith("uid ")
