"""A real Prometheus with the rules as they are, a real Alertmanager, and somebody whom it tells."""

import json
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import yaml

from deploy.local.monitoring import program
from deploy.local.ports import LOOPBACK, free_ports
from deploy.local.processes import end, spawn
from tests.live.processes import eventually

INHIBITIONS = Path(__file__).parents[2] / "deploy" / "prometheus" / "inhibitions.yml"
#: Shorter than a cluster's 15 s; the rules keep their own `for`.
INTERVAL = "5s"


@dataclass(frozen=True)
class Notice:
    """An alert as the webhook was told of it."""

    at: float
    name: str
    status: str
    labels: Mapping[str, str]
    description: str

    def __str__(self) -> str:
        extra = {key: value for key, value in self.labels.items() if key not in {"alertname", "severity"}}
        return " ".join([self.name, *(f"{key}={value}" for key, value in sorted(extra.items()))])


@dataclass
class Monitoring:
    """``targets`` is job to its addresses, ``rules`` the files that Prometheus evaluates."""

    home: Path
    targets: Mapping[str, list[str]]
    rules: Sequence[Path]
    #: Whether an alert that follows from another is kept back.
    inhibited: bool = True
    notices: list[Notice] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.home.mkdir(parents=True)
        port, alertmanager_port = free_ports(2)
        self.url = f"http://{LOOPBACK}:{port}"
        self._webhook = ThreadingHTTPServer((LOOPBACK, 0), _receiver(self.notices))
        threading.Thread(target=self._webhook.serve_forever, daemon=True).start()
        self._started = [
            self._start(
                "prometheus-alertmanager",
                _alertmanager(self._webhook.server_port, inhibited=self.inhibited),
                [f"--web.listen-address={LOOPBACK}:{alertmanager_port}", "--cluster.listen-address="],
            ),
            self._start(
                "prometheus",
                _prometheus(self.targets, self.rules, alertmanager_port),
                [f"--web.listen-address={LOOPBACK}:{port}"],
            ),
        ]
        for place in (self.url, f"http://{LOOPBACK}:{alertmanager_port}"):
            eventually(lambda place=place: _ready(place), what=f"{place} to be ready")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._started:
            end(process, grace_seconds=10)
        self._webhook.shutdown()
        self._webhook.server_close()

    def query(self, text: str) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": text}, timeout=20, trust_env=False)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def firing(self) -> set[str]:
        return {row["metric"]["alertname"] for row in self.query('ALERTS{alertstate="firing"}')}

    def down(self) -> list[str]:
        """The jobs of which a target does not answer, or has not been asked yet."""
        up = {(row["metric"]["job"], row["metric"]["instance"]) for row in self.query("up == 1")}
        return [
            job for job, places in self.targets.items() if any((job, place) not in up for place in places)
        ]

    def since(self, at: float, status: str = "firing") -> list[Notice]:
        return [notice for notice in list(self.notices) if notice.at >= at and notice.status == status]

    def _start(self, name: str, config: dict[str, Any], options: list[str]) -> "subprocess.Popen[bytes]":
        file, storage = self.home / f"{name}.yml", self.home / name
        file.write_text(yaml.safe_dump(config))
        flag = "--storage.path" if name.endswith("alertmanager") else "--storage.tsdb.path"
        executable = program(name)
        command = [str(executable), f"--config.file={file}", f"{flag}={storage}", *options]
        with (self.home / f"{name}.log").open("wb") as output:
            return spawn(command, home=self.home, env={}, output=output, cwd=executable.parents[2])


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready", timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _prometheus(
    targets: Mapping[str, list[str]], rules: Sequence[Path], alertmanager_port: int
) -> dict[str, Any]:
    return {
        "global": {"scrape_interval": INTERVAL, "evaluation_interval": INTERVAL, "scrape_timeout": INTERVAL},
        "rule_files": [str(file) for file in rules],
        "alerting": {
            "alertmanagers": [{"static_configs": [{"targets": [f"{LOOPBACK}:{alertmanager_port}"]}]}]
        },
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": places}]} for job, places in targets.items()
        ],
    }


def _alertmanager(webhook_port: int, *, inhibited: bool) -> dict[str, Any]:
    """Every alert by itself, at once."""
    return {
        **(yaml.safe_load(INHIBITIONS.read_text()) if inhibited else {}),
        "route": {
            "receiver": "webhook",
            "group_by": ["..."],
            "group_wait": "1s",
            "group_interval": "5s",
            "repeat_interval": "4h",
        },
        "receivers": [
            {
                "name": "webhook",
                "webhook_configs": [{"url": f"http://{LOOPBACK}:{webhook_port}/", "send_resolved": True}],
            }
        ],
    }


def _receiver(notices: list[Notice]) -> type[BaseHTTPRequestHandler]:
    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            now = time.time()
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            for alert in body["alerts"]:
                labels, text = alert["labels"], alert["annotations"]["description"]
                notices.append(Notice(now, labels["alertname"], alert["status"], labels, text))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    return Receiver
