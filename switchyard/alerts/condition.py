"""Defines when an alert holds, in the metrics that the exporter and the relay serve."""

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

#: Instead of one label of a metric: the largest of all.
ANY = "*"

#: Metric, without the prefix, to the value of its label (empty where it has none) to the number.
Readings = Mapping[str, Mapping[str, float]]

_SIGNS: dict[str, Callable[[float, float], bool]] = {">": operator.gt, "<": operator.lt, "==": operator.eq}
_ENDS = {">": "at {} or below", "<": "at {} or above", "==": "anything but {}"}


@dataclass(frozen=True, slots=True)
class Limit:
    """``constant + times * of``, where ``of`` is a metric: what is derived from a queue's own objective."""

    constant: float = 0.0
    times: float = 0.0
    of: str = ""

    def value(self, readings: Readings, label: str) -> float | None:
        if not self.of:
            return self.constant
        found = reading(readings, self.of, label)
        return None if found is None else self.constant + self.times * found

    def __str__(self) -> str:
        if not self.of:
            return number(self.constant)
        product = self.of if self.times == 1 else f"{number(self.times)} * {self.of}"
        return f"{number(self.constant)} + {product}" if self.constant else product


@dataclass(frozen=True, slots=True)
class Condition:
    """``metric sign limit``; ``only`` says which label of it, or ANY, where that is not the alert's."""

    metric: str
    sign: str
    limit: Limit
    only: str = ""

    def holds(self, readings: Readings, label: str) -> bool | None:
        """None if nobody can say."""
        value, limit = self.value(readings, label), self.limit.value(readings, label)
        return None if value is None or limit is None else _SIGNS[self.sign](value, limit)

    def value(self, readings: Readings, label: str) -> float | None:
        return reading(readings, self.metric, self.only or label)

    def end(self, readings: Readings, label: str) -> str:
        """What would end it."""
        limit = self.limit.value(readings, label)
        return f"{self.metric} {_ENDS[self.sign].format('?' if limit is None else number(limit))}"

    def __str__(self) -> str:
        return f"{self.metric} {self.sign} {self.limit}"


@dataclass(frozen=True, slots=True)
class Alert:
    """Comes when all of one of ``cases`` have held for ``for_seconds``."""

    name: str
    for_seconds: int
    cases: tuple[tuple[Condition, ...], ...]
    #: The metric whose labels it is told by, one alert each; empty: it is of all together.
    each: str = ""

    def labels(self, readings: Readings) -> list[str]:
        return sorted(readings.get(self.each, ())) if self.each else [""]

    def states(self, readings: Readings) -> "Iterator[State]":
        """One for each label, as far as there is any."""
        for label in self.labels(readings):
            yield State(self, label, readings)


@dataclass(frozen=True, slots=True)
class State:
    """An alert at one moment, for one value of its label."""

    alert: Alert
    label: str
    readings: Readings

    @property
    def holds(self) -> bool | None:
        """Whether it would come if this lasted; None if nobody can say."""
        found = [self._all(case) for case in self.alert.cases]
        if True in found:
            return True
        return None if None in found else False

    def _all(self, case: tuple[Condition, ...]) -> bool | None:
        found = [condition.holds(self.readings, self.label) for condition in case]
        if False in found:
            return False
        return None if None in found else True

    @property
    def holding(self) -> list[Condition]:
        """The conditions of the cases that hold: the end of any one of them ends its case."""
        cases = [case for case in self.alert.cases if self._all(case)]
        return [condition for case in cases for condition in case]

    def __str__(self) -> str:
        return f"{self.alert.name} {self.label}".strip()


def reading(readings: Readings, metric: str, label: str) -> float | None:
    """That of the label, or of a metric that has none."""
    found = readings.get(metric, {})
    if label == ANY:
        return max(found.values(), default=None)
    return found.get(label, found.get(""))


def number(value: float | None) -> str:
    if value is None:
        return "not known"
    if math.isinf(value):
        return "never" if value > 0 else "-never"
    return f"{value:,.0f}" if value == round(value) or abs(value) >= 1000 else f"{value:.3g}"
