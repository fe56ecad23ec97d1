"""The course: one round of faults after the other, each with its own alerts and no other; and quiet."""

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.alerts.fault import Fault
from tests.alerts.monitoring import Monitoring
from tests.alerts.service import Service

#: After its alerts have come a round stays for so long, for others that would be wrong.
HOLD_SECONDS = 10
RESOLVED_SECONDS = 240
_LOOK_SECONDS = 0.25


@dataclass
class Outcome:
    """Of one alert of a fault. Seconds are None for what did not happen in time."""

    fault: Fault
    alert: str
    began: float
    to_alert_seconds: float | None = None
    to_resolved_seconds: float | None = None
    said: str = ""
    #: What came in its round and should not have.
    others: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        quick = self.to_alert_seconds is not None and self.to_alert_seconds <= self.fault.within_seconds
        return quick and self.to_resolved_seconds is not None and not self.others

    def __str__(self) -> str:
        return (
            f"{self.alert}: received after {self.to_alert_seconds} s, resolved after"
            f" {self.to_resolved_seconds} s, others {self.others}; {self.fault.name}"
        )


def quiet(monitoring: Monitoring, minutes: float) -> list[str]:
    """What was said in so many minutes of a normal load; empty if all is well."""
    began = time.time()
    while time.time() < began + minutes * 60:
        time.sleep(5)
    return [str(notice) for notice in monitoring.since(began)] + sorted(monitoring.firing())


def tried(together: Sequence[Fault], service: Service, monitoring: Monitoring) -> list[Outcome]:
    """Begin the faults of a round, wait for their alerts, end the faults, wait until those are resolved."""
    outcomes = [outcome for fault in together for outcome in _begun(fault, service)]
    began = min(outcome.began for outcome in outcomes)
    _wait(outcomes, monitoring)
    if any(outcome.said for outcome in outcomes):
        time.sleep(HOLD_SECONDS)
    ended = {fault.name: _ended(fault, service) for fault in together}
    _wait_resolved([outcome for outcome in outcomes if outcome.said], ended, monitoring)
    also = {name for fault in together for name in fault.also}
    until_quiet(monitoring, also)
    right = also | {name for fault in together for name in fault.alerts}
    others = [str(notice) for notice in monitoring.since(began) if notice.name not in right]
    for outcome in outcomes:
        outcome.others = others
        print(f"{time.strftime('%H:%M:%S')} load {os.getloadavg()[0]:.0f}  {outcome}", flush=True)
    return outcomes


def until_quiet(monitoring: Monitoring, but: Iterable[str] = ()) -> None:
    """Until nothing but these fires or is about to, or long enough."""
    deadline = time.time() + RESOLVED_SECONDS
    while monitoring.query(f'ALERTS{{alertname!~"{"|".join(but)}"}}') and time.time() < deadline:
        time.sleep(1)


def _begun(fault: Fault, service: Service) -> list[Outcome]:
    began = time.time()
    fault.begin(service)
    return [Outcome(fault, alert, began) for alert in fault.alerts]


def _ended(fault: Fault, service: Service) -> float:
    at = time.time()
    fault.end(service)
    return at


def _wait(outcomes: list[Outcome], monitoring: Monitoring) -> None:
    """Until each alert has come, or is a minute later than it may be."""
    waiting = list(outcomes)
    while waiting := [each for each in waiting if time.time() < each.began + each.fault.within_seconds + 60]:
        for outcome in waiting:
            if found := _first(monitoring, outcome.alert, outcome.began, "firing"):
                outcome.to_alert_seconds, outcome.said = found[0] - outcome.began, found[1]
        waiting = [outcome for outcome in waiting if not outcome.said]
        time.sleep(_LOOK_SECONDS)


def _wait_resolved(outcomes: list[Outcome], ended: dict[str, float], monitoring: Monitoring) -> None:
    """Until each alert is resolved, or long enough."""
    waiting, deadline = list(outcomes), time.time() + RESOLVED_SECONDS
    while waiting and time.time() < deadline:
        for outcome in waiting:
            undone = ended[outcome.fault.name]
            since = outcome.began if outcome.fault.passes else undone
            if found := _first(monitoring, outcome.alert, since, "resolved"):
                outcome.to_resolved_seconds = max(0.0, found[0] - undone)
        waiting = [outcome for outcome in waiting if outcome.to_resolved_seconds is None]
        time.sleep(_LOOK_SECONDS)


def _first(monitoring: Monitoring, alert: str, since: float, status: str) -> tuple[float, str] | None:
    """When it was said, and in which words."""
    for notice in monitoring.since(since, status):
        if notice.name == alert:
            return notice.at, notice.description
    return None
