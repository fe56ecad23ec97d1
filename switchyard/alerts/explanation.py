"""Explains an alert as it is now: value, threshold, since when, and what would end it."""

from collections.abc import Iterator
from dataclasses import dataclass

from switchyard.alerts.condition import Readings, State, number
from switchyard.alerts.declared import ALERTS, BY_NAME
from switchyard.alerts.prometheus import Part, Prometheus, Row, labels_of, parts

#: Series of a part that are shown.
MOST = 20


@dataclass(frozen=True, slots=True)
class Explained:
    """``fires``: one of it is there or on its way; None if nobody can say."""

    fires: bool | None
    lines: list[str]


def by_prometheus(prometheus: Prometheus, name: str) -> Explained | None:
    """None if it has no such alert. Raises PrometheusError."""
    rules = prometheus.alerts().get(name)
    if not rules:
        return None
    lines = [line for rule in rules for line in _of_rule(prometheus, rule)]
    fires = any(rule.get("alerts") for rule in rules)
    return Explained(fires, [f"{name}, by {prometheus}:", *lines, f"Runbook: {_runbook(rules[0], name)}"])


def by_own_look(name: str, readings: Readings) -> Explained:
    """For a name of ``declared.ALERTS``."""
    alert = BY_NAME[name]
    states = list(alert.states(readings))
    holds = [state.holds for state in states]
    fires = True if True in holds else None if None in holds or not holds else False
    head = f"{name}, by a look of our own (no PROMETHEUS_URL, so since when is not known):"
    lines = [line for state in states for line in _of_state(state)]
    if not states:
        lines = ["  nobody can say: what it is told by could not be read"]
    last = f"It comes when all of a case have held for {alert.for_seconds} s. Runbook: {name}"
    return Explained(fires, [head, *lines, last])


def would_come(readings: Readings) -> tuple[list[State], list[str]]:
    """What holds now, and the names of the alerts of which nobody can say it."""
    states = [state for alert in ALERTS for state in alert.states(readings)]
    unknown = {state.alert.name for state in states if state.holds is None}
    unknown |= {alert.name for alert in ALERTS if not alert.labels(readings)}
    return [state for state in states if state.holds], sorted(unknown)


def _of_state(state: State) -> Iterator[str]:
    holds = {True: "HOLDS", False: "does not hold", None: "nobody can say"}
    yield f"  {state.label or 'all together'}: {holds[state.holds]}"
    for position, case in enumerate(state.alert.cases):
        if position:
            yield "    or"
        for condition in case:
            found = condition.holds(state.readings, state.label)
            value = number(condition.value(state.readings, state.label))
            limit = condition.limit.value(state.readings, state.label)
            derived = f" ({condition.limit})" if condition.limit.of else ""
            compared = f"{condition.metric} is {value}, against {condition.sign} {number(limit)}{derived}"
            yield f"    {compared}: {holds[found]}"
    ends = [condition.end(state.readings, state.label) for condition in state.holding]
    if ends:
        yield f"    ends with: {', or '.join(ends)}"


def _of_rule(prometheus: Prometheus, rule: Row) -> Iterator[str]:
    yield f"  state {rule['state']}; it comes after {number(rule['duration'])} s"
    for alert in rule.get("alerts", ()):
        since, value = f"{alert['activeAt'][:19]}Z", number(float(alert["value"]))
        yield f"  {labels_of(alert['labels'])}: {alert['state']} since {since}, value {value}"
    for part in parts(rule["query"]):
        yield from _of_part(prometheus, part)
    yield "  It ends when a part joined by `and` is no longer so, or one joined by `unless` becomes so;"
    yield "  what is joined by `or` stands for itself."


def _of_part(prometheus: Prometheus, part: Part) -> Iterator[str]:
    yield f"  {part.joined or 'when'}: {part.text}"
    if not part.sign:
        found = prometheus.values(part.text)
        yield from (f"    {labels or 'it'}: {number(value)}" for labels, value in _some(found))
        if not found:
            yield "    nothing: it is not so"
        return
    values, limits = prometheus.values(part.value), prometheus.values(part.limit)
    so = prometheus.values(part.text)
    for labels, value in _some(values):
        limit = limits.get(labels, limits.get(""))
        holds = "so" if labels in so else "not so"
        yield f"    {labels or 'it'}: {number(value)} against {part.sign} {number(limit)}: {holds}"
    if not values:
        yield "    no series: it cannot be so"


def _some(found: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(found.items())[:MOST]


def _runbook(rule: Row, name: str) -> str:
    return str(rule.get("annotations", {}).get("runbook_url", name))
