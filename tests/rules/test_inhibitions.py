"""Of two alerts that one trouble causes, a real Alertmanager tells of the one that leads to the mend."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from deploy.local.monitoring import program
from deploy.local.ports import LOOPBACK, free_ports
from deploy.local.processes import end, spawn
from tests.live.processes import eventually
from tests.rules.files import PROMETHEUS, alerts

FILE = PROMETHEUS / "inhibitions.yml"
INHIBITIONS: list[dict[str, Any]] = yaml.safe_load(FILE.read_text())["inhibit_rules"]
_RECEIVER = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}


def named(matchers: list[str]) -> set[str]:
    """The alerts whose name these matchers take."""
    (_, how, pattern) = re.fullmatch(r'(alertname)(=~?)"(.+)"', matchers[0]).groups()  # type: ignore[union-attr]
    wanted = re.compile(pattern if how == "=~" else re.escape(pattern))
    return {name for name in alerts() if wanted.fullmatch(name)}


PAIRS = sorted(
    (cause, effect, number)
    for number, rule in enumerate(INHIBITIONS)
    for cause in named(rule["source_matchers"])
    for effect in named(rule["target_matchers"])
)


def alert(name: str, **labels: str) -> dict[str, Any]:
    return {"labels": {"alertname": name, "namespace": "prod", "queue": "io", "role": "exporter", **labels}}


class Alertmanager:
    """With the inhibitions, or without any."""

    def __init__(self, home: Path, config: dict[str, Any]) -> None:
        (port,) = free_ports(1)
        self._url = f"http://{LOOPBACK}:{port}"
        executable, file = program("prometheus-alertmanager"), home / "config.yml"
        file.write_text(yaml.safe_dump(_RECEIVER | config))
        command = [
            str(executable),
            f"--config.file={file}",
            f"--storage.path={home / 'data'}",
            f"--web.listen-address={LOOPBACK}:{port}",
            "--cluster.listen-address=",
        ]
        with (home / "log").open("wb") as output:
            self._process = spawn(command, home=home, env={}, output=output, cwd=executable.parents[2])
        eventually(self._ready, within=60, what="Alertmanager to be ready")

    def kept_back(self, *fired: dict[str, Any]) -> list[dict[str, Any]]:
        """Those of them that it keeps to itself."""
        httpx.post(f"{self._url}/api/v2/alerts", json=list(fired), trust_env=False).raise_for_status()
        eventually(lambda: all(each["labels"] in map(_labels, self._all()) for each in fired), within=30)
        silent = [_labels(each) for each in self._all() if each["status"]["inhibitedBy"]]
        return [each for each in fired if each["labels"] in silent]

    def end(self) -> None:
        end(self._process, grace_seconds=10)

    def _all(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = httpx.get(f"{self._url}/api/v2/alerts", trust_env=False).json()
        return found

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self._url}/-/ready", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False


def _labels(alert: dict[str, Any]) -> Any:
    return alert["labels"]


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    started = Alertmanager(tmp_path_factory.mktemp("with"), yaml.safe_load(FILE.read_text()))
    yield started
    started.end()


def test_every_inhibition_names_alerts_that_there_are() -> None:
    assert [rule for rule in INHIBITIONS if not named(rule["source_matchers"])] == []
    for rule in INHIBITIONS:
        (pattern,) = re.findall(r'alertname=~?"(.+)"', rule["target_matchers"][0])
        for part in re.sub(r"Queue\(([^)]+)\)", lambda found: found[1], pattern).split("|"):
            assert any(part in name or re.fullmatch(part, name) for name in alerts()), part


def test_what_follows_from_another_alert_is_kept_back(alertmanager: Alertmanager) -> None:
    causes = [alert(cause, namespace=f"{number} {effect}") for cause, effect, number in PAIRS]
    effects = [alert(effect, namespace=f"{number} {effect}") for _, effect, number in PAIRS]
    kept_back = alertmanager.kept_back(*causes, *effects)
    assert [each for each in effects if each not in kept_back] == []
    assert [each for each in causes if each in kept_back] == []


def test_another_queue_or_another_namespace_is_told_of(alertmanager: Alertmanager) -> None:
    apart = [
        alert("QueueBehind", namespace="a"),
        alert("QueueGrowing", namespace="a", queue="cpu"),
        alert("DatabaseUnreadable", namespace="b"),
        alert("BeatSilent", namespace="c"),
    ]
    assert alertmanager.kept_back(*apart) == []


def test_control_without_the_inhibitions_both_are_told(tmp_path: Path) -> None:
    plain = Alertmanager(tmp_path, {})
    try:
        assert plain.kept_back(alert("QueueBehind"), alert("CanaryMissing")) == []
    finally:
        plain.end()


def test_no_two_alerts_keep_each_other_back() -> None:
    pairs = {(cause, effect) for cause, effect, _ in PAIRS}
    assert [pair for pair in pairs if pair[::-1] in pairs] == []


@pytest.mark.parametrize("name", sorted({cause for cause, _, _ in PAIRS}))
def test_the_promtool_tests_see_the_labels_that_are_compared(name: str) -> None:
    """An alert without the label would keep back those of nobody, or of everybody."""
    expression = alerts()[name]["expr"]
    for rule in INHIBITIONS:
        if name in named(rule["source_matchers"]) and "queue" in rule["equal"]:
            assert "queue" in expression
