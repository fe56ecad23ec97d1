"""The queues on a page."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse

from app.broker.management import Management, ManagementError
from app.ops import patience
from app.ops.facts import BrokerView, QueueFacts, read_broker, with_database
from app.ops.history import STEPS
from app.ops.pages import page, shown
from app.ops.sparkline import HEIGHT, WIDTH, highest, points
from app.ops.verdict import Verdict, verdict


@dataclass(frozen=True, slots=True)
class Line:
    """One queue as it is shown."""

    facts: QueueFacts
    verdict: Verdict
    points: str
    highest: int


@page("GET")
def queues(request: HttpRequest) -> HttpResponse:
    asked = request.GET.get("minutes", "")
    minutes = int(asked) if asked.isdecimal() and int(asked) in STEPS else min(STEPS)
    context: dict[str, Any] = {"minutes": minutes, "spans": list(STEPS), "width": WIDTH, "height": HEIGHT}
    try:
        found = with_database(patience.within(lambda: _read(minutes), "RabbitMQ's management API"))
    except (ManagementError, patience.NoAnswer) as away:
        return shown(request, "queues", "Queues", context | {"trouble": str(away)})
    context |= {"delayed": found.delayed, "quarantined": found.quarantined}
    return shown(request, "queues", "Queues", context | {"lines": [_line(each) for each in found.queues]})


def _read(minutes: int) -> BrokerView:
    with Management.from_settings(timeout_seconds=patience.PAGE_SECONDS) as management:
        return read_broker(management, minutes)


def _line(facts: QueueFacts) -> Line:
    return Line(facts, verdict(facts), points(facts.history), highest(facts.history))
