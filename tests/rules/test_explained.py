"""`alerts explain` says what the rules say: by a real Prometheus, and by a look of our own."""

import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.exposition import start_http_server

from switchyard.alerts.condition import Alert, Limit
from switchyard.alerts.declared import ALERTS
from switchyard.alerts.explanation import by_own_look, would_come
from switchyard.alerts.prometheus import parts
from tests.alerts.monitoring import Monitoring
from tests.live.processes import eventually
from tests.rules.files import RULES, alerts

UNITS = {"s": 1, "m": 60, "h": 3600}


def seconds(text: str) -> int:
    return int(text[:-1]) * UNITS[text[-1]]


def limits(alert: Alert) -> Iterator[Limit]:
    for case in alert.cases:
        yield from (condition.limit for condition in case)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_an_alert_of_ours_is_that_of_the_rules(alert: Alert) -> None:
    rule = alerts()[alert.name]
    assert alert.for_seconds == seconds(rule.get("for", "0s"))
    numbers = {float(one) for one in re.findall(r"(?<![\w.])\d+(?:\.\d+)?", rule["expr"])}
    numbers |= {24 * 3600.0 for _ in re.findall(r"24 \* 3600", rule["expr"])}
    declared = {abs(limit.constant) for limit in limits(alert)} | {limit.times for limit in limits(alert)}
    # What is only said the other way round there (`unless ... == 0`) has no number of its own.
    assert declared - {0, 1} <= numbers, rule["expr"]


def test_an_expression_is_parted_where_it_is_joined_and_not_within_brackets() -> None:
    text = """a{x="b and c"} > 3 and (d or e > 1) unless on (namespace) max by (queue) (f) == 0 or g"""
    assert [(part.joined, part.value, part.sign, part.limit) for part in parts(text)] == [
        ("", 'a{x="b and c"}', ">", "3"),
        ("and", "", "", ""),
        ("unless on (namespace)", "max by (queue) (f)", "==", "0"),
        ("or", "", "", ""),
    ]


def test_each_expression_of_the_rules_can_be_parted() -> None:
    for name, rule in alerts().items():
        found = list(parts(rule["expr"]))
        assert found, name
        text = " ".join(" ".join(filter(None, (part.joined, part.text))) for part in found)
        assert text == " ".join(rule["expr"].split()), name


READINGS = {
    "queue_objective_seconds": {"io": 10.0, "cpu": 300.0},
    "queue_growth": {"io": 12.5, "cpu": 0.0},
    "queue_drain_seconds": {"io": float("inf"), "cpu": 0.0},
    "queue_objective_breach_seconds": {"io": 4.0, "cpu": float("inf")},
    "queue_messages_ready": {"io": 400.0, "cpu": 0.0, "unroutable": 0.0},
    "queue_consumers": {"io": 1.0, "cpu": 1.0},
    "broker_alarm": {"memory": 0.0, "disk": 1.0},
}


def test_a_look_of_our_own_says_value_threshold_and_end() -> None:
    said = by_own_look("QueueGrowing", READINGS)
    text = "\n".join(said.lines)
    assert said.fires is True
    assert "io: HOLDS" in text
    assert "cpu: does not hold" in text
    assert "queue_drain_seconds is never, against > 10 (queue_objective_seconds): HOLDS" in text
    assert "ends with: queue_growth at 0 or below, or queue_drain_seconds at 10 or below" in text
    assert "75 s" in text
    assert text.endswith("Runbook: QueueGrowing")


def test_what_nobody_has_read_is_not_called_well() -> None:
    holding, unknown = would_come(READINGS)
    assert [str(state) for state in holding] == ["QueueGrowing io", "BrokerAlarm disk"]
    assert {"DatabaseUnreadable", "BeatSilent", "DeadLettersOld", "TopologyDrift"} <= set(unknown)
    assert by_own_look("BeatSilent", READINGS).fires is None
    assert by_own_look("DeadLettersOld", READINGS).fires is None


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[tuple[str, Gauge]]:
    """A real one with the real rules, over one number that the test sets."""
    registry = CollectorRegistry()
    gauge = Gauge("switchyard_outbox_quarantined", "-", registry=registry)
    server, _ = start_http_server(0, "127.0.0.1", registry=registry)
    targets = {"switchyard-relay": [f"127.0.0.1:{server.server_port}"]}
    with Monitoring(tmp_path / "monitoring", targets, RULES) as monitoring:
        yield monitoring.url, gauge
    server.shutdown()
    server.server_close()


def explained(name: str, url: str) -> tuple[int, str]:
    output = StringIO()
    with override_settings(SWITCHYARD_PROMETHEUS_URL=url):
        try:
            call_command("switchyard", "alerts", "explain", name, stdout=output)
        except CommandError as error:
            return error.returncode, output.getvalue() + str(error)
    return 0, output.getvalue()


def test_a_prometheus_says_since_when_and_by_what(prometheus: tuple[str, Gauge]) -> None:
    url, gauge = prometheus
    gauge.set(7)
    code, said = eventually(
        lambda: (found := explained("OutboxQuarantine", url))[0] == 1 and found,
        what="an alert that is pending",
    )
    assert code == 1
    assert re.search(r"pending since \d{4}-\d\d-\d\dT[\d:]{8}Z, value 7", said)
    assert "it comes after 60 s" in said
    assert "max by (namespace) (switchyard_outbox_quarantined) > 0\n    it: 7 against > 0: so" in said
    gauge.set(0)
    eventually(lambda: explained("OutboxQuarantine", url)[0] == 0, what="an alert that has ended")
    # One of which only Prometheus knows.
    assert explained("RetryStorm", url)[0] == 0


def test_a_name_that_is_no_alerts_and_a_prometheus_that_is_away_are_told() -> None:
    code, said = explained("RetryStorm", "http://somebody:a-password@127.0.0.1:1")
    assert code == 3
    assert "Prometheus at http://127.0.0.1:1 did not answer" in said
    assert "a-password" not in said
    code, said = explained("NoSuchAlert", "")
    assert code == 3
    assert "Those of our own: QueueGrowing" in said
