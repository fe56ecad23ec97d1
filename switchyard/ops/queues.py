"""Shows the queues on a page."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse

from switchyard.broker.management import Management, ManagementError
from switchyard.ops import timeouts
from switchyard.ops.history import HEIGHT, STEPS, WIDTH, highest, points
from switchyard.ops.overview import BrokerView, QueueOverview, read_broker, with_database
from switchyard.ops.pages import page, shown
from switchyard.ops.verdict import Verdict, verdict


@dataclass(frozen=True, slots=True)
class Line:
    """One queue as it is shown."""

    facts: QueueOverview
    verdict: Verdict
    points: str
    highest: int


@page("GET")
def queues(request: HttpRequest) -> HttpResponse:
    asked = request.GET.get("minutes", "")
    minutes = int(asked) if asked.isdecimal() and int(asked) in STEPS else min(STEPS)
    context: dict[str, Any] = {"minutes": minutes, "spans": list(STEPS), "width": WIDTH, "height": HEIGHT}
    try:
        found = with_database(timeouts.within(lambda: _read(minutes), "RabbitMQ's management API"))
    except (ManagementError, timeouts.NoAnswer) as away:
        return shown(request, "queues", "Queues", context | {"trouble": str(away)})
    context |= {name: getattr(found, name) for name in ("alarms", "delayed", "unroutable", "quarantined")}
    return shown(request, "queues", "Queues", context | {"lines": [_line(each) for each in found.queues]})


def _read(minutes: int) -> BrokerView:
    with Management.from_settings(timeout_seconds=timeouts.PAGE_SECONDS) as management:
        return read_broker(management, minutes)


def _line(facts: QueueOverview) -> Line:
    return Line(facts, verdict(facts), points(facts.history), highest(facts.history))
