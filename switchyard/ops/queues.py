"""Shows the queues on a page: the worst first, and however many there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse

from switchyard.broker.management import Management
from switchyard.ops import timeouts
from switchyard.ops.history import HEIGHT, STEPS, WIDTH, highest, points
from switchyard.ops.overview import BROKER, BrokerView, QueueOverview, collect, read_broker
from switchyard.ops.pages import page, shown
from switchyard.ops.reading import Question
from switchyard.ops.verdict import KINDS, Verdict, together, verdict

#: Of so many each is shown with all its numbers and its line; of more, a row for each, on pages.
IN_FULL = 8
ROWS = 50

HEADINGS = {"bad": "Bad", "warning": "To look at", "good": "Good"}


class Filter(forms.Form):
    """Which queues are shown. What is left empty matches everything."""

    name = forms.CharField(required=False, max_length=255, label="Queue", help_text="a part of its name")
    state = forms.ChoiceField(
        required=False, choices=[("", "all"), *((kind, HEADINGS[kind].lower()) for kind in KINDS)]
    )
    minutes = forms.ChoiceField(
        required=False, label="Depth over", choices=[(each, f"{each} minutes") for each in STEPS]
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One queue as it is shown."""

    facts: QueueOverview
    verdict: Verdict
    points: str
    highest: int


def _asking(minutes: int) -> Question[BrokerView]:
    def read() -> BrokerView:
        with Management.from_settings(timeout_seconds=timeouts.PAGE_SECONDS) as management:
            return read_broker(management, minutes)

    return Question(BROKER, read)


_BROKER = {minutes: _asking(minutes) for minutes in STEPS}


@page("GET")
def queues(request: HttpRequest) -> HttpResponse:
    form = Filter(request.GET)
    given = form.cleaned_data if form.is_valid() else {}
    minutes = int(given.get("minutes") or min(STEPS))
    found = collect(_BROKER[minutes])
    lines = [_line(each) for each in found.queues]
    lines.sort(key=lambda line: line.verdict.rank)
    meant = [line for line in lines if _matches(line, given)]
    rows = Paginator(meant, IN_FULL if len(meant) <= IN_FULL else ROWS)
    shown_now = rows.get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "form": form,
        "overview": found,
        "verdict": together(found),
        "page": shown_now,
        "groups": _grouped(list(shown_now)),
        "counts": {HEADINGS[kind]: sum(line.verdict.kind == kind for line in lines) for kind in KINDS},
        "in_full": len(meant) <= IN_FULL,
        "minutes": minutes,
        "width": WIDTH,
        "height": HEIGHT,
    }
    return shown(request, "queues", "Queues", context)


def _matches(line: Line, given: dict[str, str]) -> bool:
    name, state = given.get("name", "").strip().lower(), given.get("state")
    return name in line.facts.spec.name.lower() and (not state or line.verdict.kind == state)


def _grouped(lines: Sequence[Line]) -> list[tuple[str, str, list[Line]]]:
    """Kind, heading and lines of each."""
    kinds = groupby(lines, key=lambda line: line.verdict.kind)
    return [(kind, HEADINGS[kind], list(of_it)) for kind, of_it in kinds]


def _line(facts: QueueOverview) -> Line:
    return Line(facts, verdict(facts), points(facts.history), highest(facts.history))
