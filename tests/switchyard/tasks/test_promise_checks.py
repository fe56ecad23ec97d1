"""What a task declares that would take a promise from it is refused by name, as the documentation says."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery.worker.request import Request

from app.celery import app
from switchyard.tasks.promise_checks import RULES
from switchyard.worker.request import JournaledRequest

PAGE = Path(__file__).parents[3] / "deploy" / "DECLARED.md"
ROW = re.compile(r"^\| `(\w+)=(\w+)` \| (yard\.E\d+) \|", re.MULTILINE)
VALUES = {"True": True, "False": False, "Theirs": type("Theirs", (Request,), {})}
REFUSED = ROW.findall(PAGE.read_text().partition("## Refused")[2])


@pytest.fixture
def declared() -> Iterator[Any]:
    """Registers a task for the length of a test; returns the ids and texts of what is found."""

    def found(**options: Any) -> list[tuple[str, str]]:
        app.task(name="gallery.io_promised", shared=False, **options)(nothing)
        return [(str(error.id), error.msg) for rule in RULES for error in rule()]

    def nothing() -> None:
        """Never runs."""

    yield found
    app.tasks.unregister("gallery.io_promised")


def test_the_page_has_rows() -> None:
    assert {option for option, _, _ in REFUSED} >= {"acks_late", "reject_on_worker_lost", "Request"}


@pytest.mark.parametrize(("option", "value", "check"), REFUSED)
def test_what_cannot_hold_is_refused_by_the_tasks_name(
    declared: Any, option: str, value: str, check: str
) -> None:
    found = declared(**{option: VALUES[value]})
    assert {each for each, _ in found} == {check}
    assert all("'gallery.io_promised'" in text for _, text in found)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"acks_late": True, "reject_on_worker_lost": True, "acks_on_failure_or_timeout": False},
        {"Request": type("Ours", (JournaledRequest,), {})},
        {"Request": "switchyard.worker.request:JournaledRequest"},
    ],
)
def test_what_can_hold_is_not(declared: Any, options: dict[str, Any]) -> None:
    assert declared(**options) == []
