"""`make alerts-e2e` shows every alert, and its committed result says so."""

import re
from collections import Counter
from pathlib import Path

import yaml

from tests.alerts import faults, long_faults, report, web_faults
from tests.alerts.shortening import FACTOR, LONG_SECONDS, shortened
from tests.rules.files import RULES, alerts
from tests.rules.test_rules import promtool

ROUNDS = [
    *faults.rounds(),
    *web_faults.rounds(),
    *faults.last_rounds(),
    *long_faults.rounds(),
    *web_faults.long_rounds(),
]
SHOWN = [alert for together in ROUNDS for fault in together for alert in fault.alerts]


def test_every_alert_has_a_fault_that_makes_it_come() -> None:
    assert sorted(set(alerts()) - set(SHOWN)) == [], "add a fault to tests/alerts"
    assert sorted(set(SHOWN) - set(alerts())) == [], "no rule has it"


def test_what_may_come_with_a_fault_is_an_alert_too() -> None:
    also = {alert for together in ROUNDS for fault in together for alert in fault.also}
    assert sorted(also - set(alerts())) == []


def test_the_committed_result_shows_each_of_them_come_and_go() -> None:
    rows = re.findall(r"^\| [^|]+ \| ([A-Z]\w+) \| (.+) \|$", report.RESULT.read_text(), re.MULTILINE)
    assert Counter(name for name, _ in rows) == Counter(SHOWN), "run `make alerts-e2e`"
    assert [name for name, cells in rows if "never" in cells] == []


def test_a_shortened_rule_differs_in_its_long_times_alone(tmp_path: Path) -> None:
    files = shortened(RULES, tmp_path / "rules")
    assert [file.name for file in files] == [file.name for file in RULES]
    promtool("check", "rules", *map(str, files))
    for before, after in zip(RULES, files, strict=True):
        assert _timeless(after) == _timeless(before)
        assert max(_seconds(after), default=0) <= max(LONG_SECONDS, 12 * 3600 / FACTOR)
        assert _steps(after) == _steps(before)


def _rules(file: Path) -> list[dict[str, str]]:
    return [rule for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]


def _timeless(file: Path) -> list[str]:
    return [re.sub(r"\b\d+(ms|[smh])\b", "t", str(rule)) for rule in _rules(file)]


def _steps(file: Path) -> list[float]:
    """How many each window has that says how long one is."""
    found = re.findall(r"\[(\w+):(\w+)\]", _text(file))
    return [round(_in_seconds(length) / _in_seconds(step)) for length, step in found]


def _seconds(file: Path) -> list[float]:
    return [_in_seconds(duration) for duration in re.findall(r"\b\d+(?:ms|[smh])\b", _text(file))]


def _text(file: Path) -> str:
    return " ".join(f"{rule['expr']} {rule.get('for', '')}" for rule in _rules(file))


def _in_seconds(duration: str) -> float:
    number, unit = re.fullmatch(r"(\d+)(\w+)", duration).groups()
    return int(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[unit]
