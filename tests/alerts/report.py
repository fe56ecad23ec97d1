"""What came of a run, for people: printed, and kept in RESULT.md."""

import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.alerts.course import Outcome
from tests.alerts.monitoring import INTERVAL
from tests.alerts.shortening import FACTOR, LONG_SECONDS

RESULT = Path(__file__).with_name("RESULT.md")
_HEAD = (
    "| what is done | alert | until it was received | until it was resolved | others |",
    "|---|---|---|---|---|",
)


def text(
    broker: str,
    plain: Sequence[Outcome],
    short: Sequence[Outcome],
    quiet: Iterable[str],
    panels: Iterable[str],
) -> str:
    """``plain`` came under the rules as they are, ``short`` under the shortened ones."""
    now = datetime.now(UTC)
    machine = f"{os.cpu_count()} cores, load average {os.getloadavg()[2]:.0f}"
    lines = [
        "# Alerts, end to end",
        "",
        f"Written by `make alerts-e2e` on {now:%Y-%m-%d %H:%M} UTC: {broker}, {machine}.",
        f"Prometheus scrapes and evaluates every {INTERVAL}. The faults of a round are done at a time.",
        "",
        "## With the rules as they are",
        "",
        *_table(plain),
        "",
        *quiet,
        "",
        *panels,
        "",
        "## With long windows shortened",
        "",
        f"Each `for`, window and offset of {LONG_SECONDS // 60} minutes or more is a {FACTOR}th of itself.",
        "",
        *_table(short),
        "",
        "## What they said",
        "",
        *(f"- **{outcome.alert}**: {outcome.said or 'nothing'}" for outcome in [*plain, *short]),
    ]
    return "\n".join(lines) + "\n"


def _table(outcomes: Iterable[Outcome]) -> list[str]:
    return [*_HEAD, *map(_row, outcomes)]


def _row(outcome: Outcome) -> str:
    cells = [
        outcome.fault.name,
        outcome.alert,
        _seconds(outcome.to_alert_seconds),
        "by itself" if outcome.to_resolved_seconds == 0 else _seconds(outcome.to_resolved_seconds),
        ", ".join(outcome.others) or "none",
    ]
    return f"| {' | '.join(cells)} |"


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.0f} s"
