"""No role tells a secret to whoever asks, in whatever way: answers, pages, metrics, logs, events, `ps`."""

import json
import os
import sys
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import pytest
from celery.worker.control import Panel
from django_celery_results.models import TaskResult

from app.celery import app
from deploy.local.ports import free_ports
from tests.gallery.models import Run
from tests.live.broker import Vhost
from tests.live.processes import Process, Processes, answer, eventually
from tests.live.secrets import Secrets

CELERY = [sys.executable, "-m", "celery", "-A", "app"]
#: Commands that need more than a worker: libraries for developers.
LEFT_OUT = {"objgraph", "memdump", "memsample"}
VERBS = (
    "topology check --json",
    "deadletters list --json",
    "outbox status --json",
    "queues --json",
    "check --deploy",
)


class Service:
    """Every role, a worker by Celery's own command and a web that debugs, each as talkative as it can be."""

    def __init__(self, processes: Processes) -> None:
        self.processes = processes
        ports = free_ports(8)
        self.web, self.debug = (f"http://127.0.0.1:{port}" for port in ports[:2])
        faulty = {"DJANGO_SETTINGS_MODULE": "tests.faulty", "DATABASE_POOL_SIZE": "0"}
        self.metrics = [f"http://127.0.0.1:{port}/metrics" for port in ports[2:7]]
        self.roles = {
            "web": self._start("web", PORT=ports[0], WEB_METRICS_PORT=ports[2], **faulty),
            "debug": self._start("web", PORT=ports[1], DEBUG="true", LOG_FORMAT="console", **faulty),
            "worker io": self._start("worker io", WORKER_METRICS_PORT=ports[3]),
            "worker cpu": self._start("worker cpu", WORKER_METRICS_PORT=ports[4], LOG_FORMAT="console"),
            "relay": self._start("relay", RELAY_PORT=ports[5]),
            "exporter": self._start("exporter", EXPORTER_PORT=ports[6]),
            "beat": self._start("beat"),
            "celery": processes.start_command(
                [*CELERY, "worker", "-E", "-Q", "io", "-c", "1", "-n", "plain@%h"]
            ),
        }

    def until_ready(self) -> None:
        for name in ("worker io", "worker cpu", "relay", "beat", "celery"):
            self.processes.until_beating(self.roles[name])
        for url in (f"{self.web}/query", f"{self.debug}/query", *self.metrics):
            eventually(lambda url=url: answer(url, within=30), what=url)

    def logs(self) -> dict[str, str]:
        return {f"the log of {name}": role.text() for name, role in self.roles.items()}

    def command_lines(self) -> dict[str, str]:
        """As `ps` shows them to every user of the machine, of the roles and all their children."""
        groups = {role.popen.pid for role in self.roles.values()}
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if os.getpgid(int(folder.name)) in groups:
                    found[f"cmdline {folder.name}"] = (folder / "cmdline").read_text() + (
                        folder / "comm"
                    ).read_text()
            except (ProcessLookupError, FileNotFoundError):
                continue
        return found

    def _start(self, role: str, **env: Any) -> Process:
        return self.processes.start(*role.split(), env={name: str(value) for name, value in env.items()})


@pytest.fixture
def secrets(vhost: Vhost, processes: Processes) -> Iterator[Secrets]:
    secrets = Secrets(vhost)
    processes.environment |= secrets.environment() | {"LOG_LEVEL": "DEBUG"}
    with secrets.in_force():
        yield secrets
        processes.end()


def replies_of_workers() -> dict[str, str]:
    """What each worker answers to each command that only asks."""
    arguments: dict[str, dict[str, Any]] = {
        "conf": {"with_defaults": True},
        "registered": {"taskinfoitems": dir(app.Task), "builtins": True},
        "query_task": {"ids": [Run.objects.first().task_id]},
        "hello": {"from_node": "test"},
    }
    asked = {name for name, about in Panel.meta.items() if about.type == "inspect"} - LEFT_OUT
    said = {}
    for name in sorted(asked):
        for given in ({}, arguments.get(name)):
            if given is None:
                continue
            replies = app.control.broadcast(name, arguments=given, reply=True, timeout=20, limit=3)
            assert len(replies) == 3, name
            said[" ".join(["inspect", name, *given])] = json.dumps(replies)
    return said


def outputs(processes: Processes, *commands: str) -> dict[str, str]:
    said = {}
    for command in commands:
        result = processes.run(*command.split(), env={"WAIT_SECONDS": "1"})
        said[f"{command} ({result.returncode})"] = result.stdout + result.stderr
    return said


def events_of_tasks(service: Service) -> str:
    """Of tasks that succeed and of tasks that fail for good, from the worker that sends them."""
    dump = service.processes.start_command([*CELERY, "events", "--dump"])
    eventually(lambda: "heartbeat" in dump.text(), what="the first event")
    # Two workers share them, of which one sends events: there may have to be more.
    kinds = cycle(("wait", "fail", "fail"))

    def seen() -> bool:
        app.tasks[f"gallery.io_{next(kinds)}"].delay("seen")
        return all(f"task {end}:" in dump.text() for end in ("failed", "succeeded"))

    app.tasks["gallery.cpu_fail"].delay("badly")
    eventually(seen, what="events of both")
    return dump.text()


def results() -> str:
    failed = TaskResult.objects.filter(status="FAILURE")
    eventually(
        lambda: {"gallery.io_fail", "gallery.cpu_fail"} <= set(failed.values_list("task_name", flat=True))
    )
    return json.dumps(list(failed.values()), default=str)


def failing_pages(service: Service, *paths: str) -> dict[str, str]:
    said = {}
    for server in (service.web, service.debug):
        for path in paths:
            response = httpx.get(f"{server}/{path}", timeout=60)
            assert response.status_code == 500, path
            said[f"{server}/{path}"] = response.text
            plain = httpx.get(f"{server}/{path}", headers={"Accept": "text/plain"}, timeout=60)
            said[f"{server}/{path} as text"] = plain.text
    return said


def lose_login(service: Service, secrets: Secrets) -> dict[str, str]:
    """What is said when first the broker and then the database as well let nobody in any more."""
    secrets.change(secrets.database, "another")
    said = outputs(service.processes, "worker io", "deadletters list")
    secrets.change("another", "another")
    said |= outputs(service.processes, "release", "outbox status")
    said |= failing_pages(service, "query")
    for name in ("worker io", "worker cpu", "celery"):
        eventually(lambda role=service.roles[name]: "ACCESS_REFUSED" in role.text(), what=name)
    for name in ("relay", "beat"):
        eventually(lambda role=service.roles[name]: "administrator command" in role.text(), what=name)
    return said


def test_nothing_that_a_role_tells_holds_a_secret(processes: Processes, secrets: Secrets) -> None:
    said = outputs(processes, "release")
    service = Service(processes)
    service.until_ready()
    said["events"] = events_of_tasks(service)
    said["results"] = results()
    said |= replies_of_workers()
    said |= {url: httpx.get(url).text for url in service.metrics}
    said |= failing_pages(service, "fail")
    said |= service.command_lines()
    failed = TaskResult.objects.filter(task_name="gallery.io_fail").values_list("task_id", flat=True)
    said |= outputs(processes, *VERBS, f"deadletters show {failed[0]} --json")
    report = processes.start_command([*CELERY, "report"])
    assert report.wait() == 0
    said["celery report"] = report.text()
    said |= lose_login(service, secrets)
    said |= service.logs()
    assert secrets.found_in(said) == []
    assert all(part in said["inspect stats"] for part in ('"broker"', '"pool"', "frame_handler"))


def test_a_debug_page_hides_a_secret_that_an_error_quotes(processes: Processes, secrets: Secrets) -> None:
    port = free_ports(1)[0]
    env = {"PORT": str(port), "DEBUG": "true", "DJANGO_SETTINGS_MODULE": "tests.faulty"}
    processes.start("web", env=env)
    page = eventually(lambda: answer(f"http://127.0.0.1:{port}/quote", within=30), what="the page").text
    assert "ValueError" in page
    assert secrets.found_in({"the page": page}) == []
