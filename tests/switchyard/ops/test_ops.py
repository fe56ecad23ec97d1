"""What the operations pages make of numbers, times and payloads."""

import math
import re
from dataclasses import replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from html import unescape
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import unquote

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.urls import resolve
from hypothesis import example, given
from hypothesis import strategies as st

import switchyard
from switchyard.metrics.samples import slope
from switchyard.metrics.state import QueueState
from switchyard.ops import copies, timeouts
from switchyard.ops.format import duration, rate, signed, table
from switchyard.ops.history import Rise, points, rise
from switchyard.ops.overview import Overview, QueueOverview
from switchyard.ops.pages import LIVE_PART, shown
from switchyard.ops.reading import Reading
from switchyard.ops.redaction import named, redacted
from switchyard.ops.terminal import document, lines
from switchyard.ops.verdict import together, verdict
from switchyard.outbox.backlog import Backlog
from switchyard.outbox.header_rules import is_id
from switchyard.routing import QUEUES
from switchyard.templatetags.switchyard import as_json
from tests.switchyard.test_text import ANY_TEXT

TEMPLATES = Path(switchyard.__file__).parent / "templates" / "switchyard"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "-"),
        (math.inf, "never"),
        (0, "0 s"),
        (0.25, "0.2 s"),
        (59.6, "1 min"),
        (250, "4 min 10 s"),
        (7203, "2 h"),
        (90061, "1 d 1 h"),
    ],
)
def test_a_duration_is_said_in_its_two_largest_units(seconds: float | None, said: str) -> None:
    assert duration(seconds) == said


def test_a_rate_has_a_sign_only_where_it_says_something() -> None:
    assert [signed(each) for each in (None, 0.04, -0.04, 1.25, -250)] == [
        "-",
        "0.0/s",
        "0.0/s",
        "+1.2/s",
        "-250/s",
    ]
    assert rate(1234.5) == "1,234/s"


def test_a_rise_is_counted_from_its_low_point_through_small_dips() -> None:
    def found(*depths: int) -> Rise | None:
        return rise([(10.0 * number, depth) for number, depth in enumerate(depths)])

    assert found(0, 0, 50, 120, 118, 200) == Rise(10.0, 0)
    assert found(500, 400, 100, 150, 300) == Rise(20.0, 100)
    assert found(300, 200, 100, 0) is None
    assert found(100, 101, 100) is None
    assert found() is None


def test_a_line_is_drawn_from_zero_to_the_highest() -> None:
    assert points([(0.0, 0), (30.0, 5), (60.0, 10)]) == "0.0,40.0 120.0,20.0 240.0,0.0"
    assert points([(0.0, 7)]) == ""


def test_secrets_are_hidden_by_the_names_of_arguments_however_deep() -> None:
    callback = {"task": "gallery.io_wait", "args": ["hush", 3], "kwargs": {}}
    held = redacted({"arguments": {"user": 7, "password": "hush"}, "options": {"chain": [callback]}})
    assert "hush" not in str(held)
    assert held["arguments"]["user"] == 7
    assert held["options"]["chain"][0]["args"]["seconds"] == 3
    assert named("no.such.task", ["a"], {"b": 1}) == {"argument 1": "a", "b": 1}


def test_a_page_waits_no_longer_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeouts, "PAGE_SECONDS", 0.05)
    over = Event()
    with pytest.raises(timeouts.NoAnswer, match=r"The broker did not answer within 0.05 s"):
        timeouts.within(lambda: over.wait(60), "The broker")
    over.set()


#: Every page of operations, by its template; and whether it has a part that is asked for alone.
PAGES = {path.stem: path.with_stem(f"{path.stem}_live").exists() for path in sorted(TEMPLATES.glob("*.html"))}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_without_a_live_part_is_whole_whatever_is_asked_for(name: str) -> None:
    request = RequestFactory().get("/", headers={LIVE_PART: "1"})
    request.user = AnonymousUser()
    answer = shown(request, name, "any", {})
    found = answer.resolve_template(answer.template_name).template.name
    assert found == f"switchyard/{name}{'_live' if PAGES[name] else ''}.html"


@given(task_id=ANY_TEXT.filter(is_id), task=ANY_TEXT.filter(is_id))
@example(task_id="a/b ?x#y%41", task="\u202etxt.exe")
@example(task_id="\n", task="\x1b[2J")
def test_a_row_of_the_list_shows_any_name_and_leads_to_its_letter(task_id: str, task: str) -> None:
    row = {"task_id": task_id, "task": task, "place": "io", "deaths": 1, "reason": "rejected"}
    row |= {"fault": None, "error": None, "died_at": None}
    page = render_to_string("switchyard/letters.html", {"rows": [row], "caption": "c"})
    page.encode()
    assert page.replace("\n", "").isprintable()
    [address] = re.findall(r'href="([^"]+)"', page)
    assert resolve(unquote(unescape(address))).kwargs == {"task_id": task_id}


@given(value=st.recursive(ANY_TEXT, lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner)))
def test_what_a_message_holds_is_shown_whatever_it_is(value: object) -> None:
    text = as_json(value)
    text.encode()
    assert text.replace("\n", "").isprintable()


@given(name=ANY_TEXT)
def test_a_table_on_a_terminal_moves_no_cursor(name: str) -> None:
    assert table([{"task": name, "count": 1}]).replace("\n", "").isprintable()


def overview(*alarms: str, **facts: Any) -> Overview:
    """One queue, io, in which nothing happens but what is said."""
    known = {
        name: facts.pop(name) for name in ("broker_known", "outbox_known", "wait_known") if name in facts
    }
    outbox = facts.pop("outbox", None)
    state = {"messages_ready": 0, "messages_unacknowledged": 0, "consumers": 1, "growth_rate": 0.0}
    state |= {"dead_letters": 0} | facts
    queue = QueueOverview(QUEUES["io"], QueueState("io", True, 10, **state), (), outbox, **known)
    return Overview([queue], list(alarms), delayed=0, unroutable=0, quarantined=0)


def shown_on_a_terminal(facts: Overview) -> str:
    return "\n".join(lines(facts, datetime.now(UTC), colour=False))


def test_an_alarm_is_said_before_all_queues() -> None:
    said = shown_on_a_terminal(overview("memory"))
    assert said.index("The broker takes nothing: memory alarm.") < said.index("Nothing waits.")
    assert document(overview("memory"), datetime.now(UTC))["alarms"] == ["memory"]
    page = render_to_string("switchyard/queues_live.html", {"verdict": together(overview("disk"))})
    assert "The broker takes nothing: disk alarm." in page
    assert "alarm" not in shown_on_a_terminal(overview())


@pytest.mark.parametrize(
    ("facts", "kind", "said"),
    [
        ({}, "good", "Nothing waits."),
        ({"dead_letters": 500}, "warning", "500 dead letters wait for a person."),
        ({"dead_letters": None}, "bad", "How many dead letters it has is not known."),
        ({"broker_known": False}, "bad", "Not known: the broker could not be read."),
        ({"outbox_known": False}, "bad", "What waits for it in the outbox is not known."),
        ({"wait_known": False}, "bad", "How long a message waits is not known."),
        ({"messages_ready": None}, "bad", "The broker has not counted it yet"),
        ({"outbox": Backlog("io", 3, 60.0)}, "bad", "3 wait in the outbox, the oldest for 1 min"),
        ({"outbox": Backlog("io", 3, 1.0)}, "good", "Nothing waits."),
    ],
)
def test_what_is_not_known_is_bad_and_the_worst_decides(facts: dict[str, Any], kind: str, said: str) -> None:
    found = overview(**facts)
    assert (verdict(found.queues[0]).kind, together(found).kind) == (kind, kind)
    assert said in verdict(found.queues[0]).text


def test_a_source_that_says_nothing_is_said_in_the_verdict_of_all() -> None:
    silent = Reading("the outbox", datetime.now(UTC), None, "the outbox did not answer within 2.5 s.")
    found = together(replace(overview(), sources=[silent]))
    assert (found.kind, found.text) == ("bad", "The outbox did not answer within 2.5 s.")


def test_a_queue_that_turns_is_seen_to_within_two_counts_of_the_broker() -> None:
    """Its last minute still says that it grows."""
    grew = tuple((5.0 * number, 100 * number) for number in range(10))
    turned = (*grew, (50.0, 850), (55.0, 700), (60.0, 550))
    found = overview(messages_ready=550, depth_samples=turned, growth_rate=slope(turned))
    assert (slope(turned) or 0) > 0
    assert "Draining: empty in about" in verdict(found.queues[0]).text


@given(pattern=st.text("ab*?[]!^-.\\", max_size=8), name=st.text("ab^-.\\]!", max_size=6))
def test_a_pattern_finds_in_the_copy_what_it_matches_on_the_broker(pattern: str, name: str) -> None:
    """Python's own expressions are near enough to PostgreSQL's here."""
    try:
        ours = re.compile(copies.regex(pattern), re.DOTALL)
    except re.error:
        return
    assert bool(ours.fullmatch(name)) == fnmatchcase(name, pattern)


def test_dead_letters_that_are_held_back_are_no_growth() -> None:
    said = shown_on_a_terminal(overview(undelivered_dead=7, growth_rate=0.4))
    assert "7 dead letters wait for io.dead, which is missing or full: run" in said
    assert "Growing" not in said
