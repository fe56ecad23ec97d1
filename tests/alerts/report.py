"""What came of a run, for people: printed, and kept in RESULT.md."""

import os
from datetime import UTC, datetime
from pathlib import Path

from tests.alerts.course import Outcome
from tests.alerts.monitoring import INTERVAL

RESULT = Path(__file__).with_name("RESULT.md")


def text(
    broker: str, quiet_minutes: float, false: list[str], outcomes: list[Outcome], panels: list[str]
) -> str:
    now = datetime.now(UTC)
    machine = f"{os.cpu_count()} cores, load average {os.getloadavg()[2]:.0f}"
    lines = [
        "# Alerts, end to end",
        "",
        f"Written by `make alerts-e2e` on {now:%Y-%m-%d %H:%M} UTC: {broker}, {machine}.",
        f"Prometheus scrapes and evaluates every {INTERVAL}; the rules and their `for` are the real ones.",
        "",
        "| what is done | alert | until it was received | until it was resolved | others |",
        "|---|---|---|---|---|",
        *(_row(outcome) for outcome in outcomes),
        "",
        f"{quiet_minutes:g} quiet minutes under a normal load: {', '.join(false) or 'no alert'}.",
        "",
        *panels,
        "",
        "What they said:",
        "",
        *(f"- **{outcome.alert}**: {outcome.said}" for outcome in outcomes),
    ]
    return "\n".join(lines) + "\n"


def _row(outcome: Outcome) -> str:
    others = ", ".join(outcome.others) or "none"
    cells = [
        outcome.name,
        outcome.alert,
        _seconds(outcome.to_alert_seconds),
        _seconds(outcome.to_resolved_seconds),
        others,
    ]
    return f"| {' | '.join(cells)} |"


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.0f} s"
