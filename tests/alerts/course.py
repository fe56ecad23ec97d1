"""The course: all is quiet, then one fault after the other, each with its own alert and no other."""

import os
import time
from dataclasses import dataclass, field

from tests.alerts.faults import Fault
from tests.alerts.monitoring import Monitoring, Notice
from tests.alerts.service import Service

#: After its alert has come a fault stays for so long, for others that would be wrong.
HOLD_SECONDS = 10
RESOLVED_SECONDS = 240
_LOOK_SECONDS = 0.25


@dataclass
class Outcome:
    """Seconds are None for what did not happen in time."""

    name: str
    alert: str
    to_alert_seconds: float | None = None
    to_resolved_seconds: float | None = None
    said: str = ""
    others: list[str] = field(default_factory=list)
    limit_seconds: float = 0

    @property
    def good(self) -> bool:
        quick = self.to_alert_seconds is not None and self.to_alert_seconds <= self.limit_seconds
        return quick and self.to_resolved_seconds is not None and not self.others


def quiet(monitoring: Monitoring, minutes: float) -> list[str]:
    """What was said in so many minutes of a normal load; empty if all is well."""
    began = time.time()
    while time.time() < began + minutes * 60:
        time.sleep(5)
    return [str(notice) for notice in monitoring.since(began)] + sorted(monitoring.firing())


def tried(fault: Fault, service: Service, monitoring: Monitoring) -> Outcome:
    outcome = Outcome(fault.name, fault.alert, limit_seconds=fault.within_seconds)
    began = time.time()
    fault.begin(service)
    notice = _first(monitoring, fault.alert, began, "firing", fault.within_seconds + 60)
    if notice:
        outcome.to_alert_seconds = notice.at - began
        outcome.said = notice.description
        time.sleep(HOLD_SECONDS)
    ended = time.time()
    fault.end(service)
    if notice and (resolved := _first(monitoring, fault.alert, ended, "resolved", RESOLVED_SECONDS)):
        outcome.to_resolved_seconds = resolved.at - ended
    until_quiet(monitoring)
    outcome.others = [str(other) for other in monitoring.since(began) if other.name != fault.alert]
    _say(outcome)
    return outcome


def until_quiet(monitoring: Monitoring) -> None:
    """Until nothing fires or is about to, or long enough."""
    deadline = time.time() + RESOLVED_SECONDS
    while monitoring.query("ALERTS") and time.time() < deadline:
        time.sleep(1)


def _first(monitoring: Monitoring, alert: str, since: float, status: str, seconds: float) -> Notice | None:
    while time.time() < since + seconds:
        for notice in monitoring.since(since, status):
            if notice.name == alert:
                return notice
        time.sleep(_LOOK_SECONDS)
    return None


def _say(outcome: Outcome) -> None:
    load = os.getloadavg()[0]
    print(f"{time.strftime('%H:%M:%S')} load {load:.0f}  {outcome}", flush=True)
