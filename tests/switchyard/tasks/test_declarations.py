"""What a decorator or a setting declares and cannot hold is an error of ``check``, as its table says."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.checks import run_checks

from app.celery import app
from switchyard.broker.options import replaced
from switchyard.celery import tasks

PAGE = Path(__file__).parents[3] / "deploy" / "DECLARED.md"
#: Of the second table: what is declared, and the finding's id.
ROW = re.compile(r"^\| (`.+?) +\| .+ \| `(yard\.\w+)` \|$", re.MULTILINE)
REFUSED = dict(ROW.findall(PAGE.read_text().partition("## Refused")[2]))

pytestmark = pytest.mark.filterwarnings("ignore::celery.exceptions.CDeprecationWarning")

Declare = Callable[[pytest.MonkeyPatch], None]
DECLARE: dict[str, Declare] = {}


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    before = set(tasks())
    yield
    for name in set(app.tasks) - before:
        app.tasks.unregister(name)


def task(**options: Any) -> Declare:
    def nothing() -> None: ...

    return lambda _: app.task(name="gallery.io_declared", shared=False, **options)(nothing).bind(app)


def setting(option: str, value: object) -> Declare:
    """As ``configure`` notes what it overrules."""
    return lambda patch: patch.setitem(replaced, option, value)


def beat_schedule(entry: dict[str, Any]) -> Declare:
    return lambda patch: patch.setitem(app.conf, "beat_schedule", {"theirs": entry})


DECLARE |= {
    '`queue="default"`': task(queue="default"),
    '`routing_key="io"`': task(routing_key="io"),
    '`serializer="pickle"`': task(serializer="pickle"),
    '`serializer="yaml"`': task(serializer="yaml"),
    "`CELERY_TASK_SERIALIZER`": setting("task_serializer", "pickle"),
    "`CELERY_ACCEPT_CONTENT`": setting("accept_content", ["json", "pickle"]),
    "`CELERY_BEAT_SCHEDULE` with an entry that no row can hold": beat_schedule({"task": "no.such"}),
    '`compression="brotli"`': task(compression="brotli"),
    "`USE_TZ = False`": lambda patch: patch.setattr(settings, "USE_TZ", False),
    '`rate_limit="3/m"` in a queue of 100 slots': task(rate_limit="3/m"),
}


@pytest.mark.parametrize("declared", REFUSED)
def test_what_is_refused_is_found_and_named(monkeypatch: pytest.MonkeyPatch, declared: str) -> None:
    before = {str(finding) for finding in run_checks()}
    DECLARE[declared](monkeypatch)
    found = [finding for finding in run_checks() if str(finding) not in before]
    assert [finding.id for finding in found] == [REFUSED[declared]]
    assert found[0].is_serious()
    assert found[0].hint


def test_every_refusal_that_is_tried_is_in_the_table() -> None:
    assert list(DECLARE) == list(REFUSED)


def test_a_rate_limit_that_the_broker_waits_for_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """100 messages at 4 in a minute are 25 minutes; the broker waits for 30."""
    task(rate_limit="4/m")(monkeypatch)
    assert not [finding for finding in run_checks() if finding.id == "yard.E17"]


@pytest.mark.parametrize("said", [["application/json"], ("json",), {"json"}, "json"])
def test_json_by_any_name_is_json(monkeypatch: pytest.MonkeyPatch, said: object) -> None:
    setting("accept_content", said)(monkeypatch)
    task(serializer="application/json")(monkeypatch)
    assert not [finding for finding in run_checks() if finding.id == "yard.E14"]
