"""What every role serves is what deploy/prometheus/METRICS.md says, and the other way round."""

import re
import socket
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from app.celery import app
from deploy.local.ports import free_ports
from switchyard.routing import QUEUES
from switchyard.schedule.models import Tick
from tests.live.processes import Process, Processes, eventually

ROOT = Path(__file__).resolve().parents[2]
#: Metric to its type and labels.
#: What no server of these tests has, which speak no TLS (tests/switchyard/metrics/test_certificates.py).
ELSEWHERE = {"switchyard_certificate_remaining_seconds"}
Contract = dict[str, tuple[str, frozenset[str]]]


def documented() -> dict[str, Contract]:
    """By the heading under which it stands."""
    text = (ROOT / "deploy" / "prometheus" / "METRICS.md").read_text()
    found: dict[str, Contract] = {}
    for section in text.split("\n## ")[1:]:
        rows = re.findall(r"^\| `(switchyard_\w+)` \| (\w+) \| (.*?) ?\|", section, re.MULTILINE)
        title = section.partition("\n")[0].lower()
        found[title] = {name: (kind, labels_in(labels)) for name, kind, labels in rows}
    return {title: contract for title, contract in found.items() if contract}


def labels_in(cell: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", cell.replace("(any)", "")))


def scraped(port: int) -> Contract:
    """What is served, of what has at least one sample."""
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=30, trust_env=False).text
    found: Contract = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name = f"{family.name}_total" if family.type == "counter" else family.name
            found[name] = (family.type, frozenset(sample.labels) - {"le"})
    return found


def port_of(process: Process) -> int:
    """Where a role that was given port 0 says that its metrics are."""
    served = eventually(lambda: process.events("serving") or process.events("relaying"))
    address = served[0].get("metrics") or served[0]["address"]
    return int(address.rpartition(":")[2])


def samples(port: int) -> list[Any]:
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=30, trust_env=False).text
    return [each for family in text_string_to_metric_families(text) for each in family.samples]


def sample(port: int, name: str, **labels: str) -> float:
    found = (each for each in samples(port) if each.name == f"switchyard_{name}")
    return next((each.value for each in found if labels.items() <= each.labels.items()), 0.0)


def test_what_is_served_is_what_is_documented(yard: Processes) -> None:
    now = timezone.now()
    Tick.objects.create(entry="sent before", due_at=now, sent_at=now, task_id=uuid4())
    web_port, web_metrics = free_ports(2)
    ports = {"PORT": str(web_port), "WEB_METRICS_PORT": str(web_metrics)}
    roles = {
        "exporter": yard.start("exporter", env={"EXPORTER_PORT": "0"}),
        "relay": yard.relay(),
        "workers": yard.worker("io"),
        "web": yard.start("web", env=ports | {"WEB_PROCESSES": "2"}),
    }
    yard.start("beat")
    app.tasks["gallery.io_fail"].delay("breaks")

    def asked() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{web_port}/admin/", timeout=10, trust_env=False).is_redirect
        except httpx.TransportError:
            return False

    eventually(asked, what="web to answer")
    said = documented()
    assert said.keys() == roles.keys()
    for name, role in roles.items():
        agree(port_of(role), said[name])


def agree(port: int, said: Contract) -> None:
    """Some of it is there only when a canary has come back or a task has failed."""
    eventually(lambda: not differing(port, said), what=f"{differing(port, said)} to be alike")


def differing(port: int, said: Contract) -> dict[str, object]:
    served = scraped(port) | {name: said[name] for name in ELSEWHERE & said.keys()}
    names = served.keys() | said.keys()
    return {name: (served.get(name), said.get(name)) for name in names if served.get(name) != said.get(name)}


@pytest.mark.parametrize("queue", QUEUES)
def test_a_worker_counts_each_execution_once_by_how_it_ended(yard: Processes, queue: str) -> None:
    port = port_of(yard.worker(queue, "--concurrency=2"))
    send(queue, "wait", "well")
    send(queue, "retry", "again", [1])
    send(queue, "fail", "badly")
    send(queue, "linger", "slow", 60, soft_time_limit=1)
    expected = {
        ("wait", "succeeded"): 1,
        ("retry", "retried"): 1,
        ("retry", "succeeded"): 1,
        ("fail", "failed"): 1,
        ("linger", "timed_out_soft"): 1,
    }
    eventually(lambda: outcomes(port, queue) == expected, what=f"{expected}, not {outcomes(port, queue)}")
    assert sample(port, "task_wait_seconds_count", task=f"gallery.{queue}_retry") == 2
    assert sample(port, "task_failures_total", task=f"gallery.{queue}_fail", exception="ValueError") == 1
    assert sample(port, "worker_slots", queue=queue) == 2


def test_a_child_that_is_lost_or_overdue_is_counted_once_and_its_successor_as_recycled(yard) -> None:
    worker = yard.worker("cpu", "--concurrency=2")
    port = port_of(worker)
    send("cpu", "die", "killed")
    send("cpu", "resist", "overdue", 60, soft_time_limit=1, time_limit=2)
    eventually(lambda: outcomes(port, "cpu").keys() >= {("die", "lost"), ("resist", "timed_out_hard")})
    assert outcomes(port, "cpu").keys() == {("die", "lost"), ("resist", "timed_out_hard")}
    eventually(lambda: sample(port, "worker_children_recycled_total", queue="cpu") >= 2)


def send(queue: str, habit: str, *arguments: object, **options: float) -> None:
    app.tasks[f"gallery.{queue}_{habit}"].apply_async(arguments, **options)


def outcomes(port: int, queue: str) -> dict[tuple[str, str], float]:
    """(Habit, outcome) of the gallery's tasks to how often."""
    prefix = f"gallery.{queue}_"
    return {
        (each.labels["task"].removeprefix(prefix), each.labels["outcome"]): each.value
        for each in samples(port)
        if each.name == "switchyard_task_outcomes_total"
        and each.labels["task"].startswith(prefix)
        and each.value
    }


def test_a_workers_port_that_is_taken_is_one_sentence(yard: Processes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = yard.run("worker", "io", env={"WORKER_METRICS_PORT": str(taken.getsockname()[1])})
    assert refused.returncode == 1
    assert "Set WORKER_METRICS_PORT" in refused.stderr
    assert "Traceback" not in refused.stderr
