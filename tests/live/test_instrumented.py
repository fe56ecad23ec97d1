"""A task runs, and its headers arrive, where a library of others watches every call."""

import sys
from dataclasses import dataclass
from signal import SIGTERM
from typing import Any

import pytest
from kombu.utils.json import loads

from switchyard.outbox.models import Message
from switchyard.routing import QUEUES
from tests.gallery.models import Run
from tests.live.broker import dead
from tests.live.processes import Process, Processes, eventually


@dataclass(frozen=True)
class Watcher:
    """A library as a project has it."""

    #: What it sends along with each message.
    header: str
    environment: dict[str, str]
    #: The command of an agent's own that starts a program under it.
    command: tuple[str, ...] = ()
    #: Opens a trace of the caller's own, in Python. A message without one has no header.
    trace: str = "from contextlib import nullcontext as trace"

    def start(self, yard: Processes, *arguments: str) -> Process:
        program = [sys.executable, *self.command, *(sys.executable,) * bool(self.command), "-m", "app"]
        return yard.start_command([*program, *arguments], self.environment)


WATCHERS = {
    name: Watcher(header, {"DJANGO_SETTINGS_MODULE": "tests.instrumented", "INSTRUMENTATION": name})
    for name, header in {"sentry": "headers", "opentelemetry": "traceparent"}.items()
} | {
    "newrelic": Watcher(
        "traceparent",
        {
            # Asks no server of theirs.
            "NEW_RELIC_DEVELOPER_MODE": "true",
            "NEW_RELIC_LICENSE_KEY": "0" * 40,
            # Without it the agent watches nothing of a worker's first tasks in threads.
            "NEW_RELIC_STARTUP_TIMEOUT": "10",
        },
        ("-m", "newrelic.admin", "run-program"),
        """
from functools import partial
from newrelic.agent import BackgroundTask, register_application
trace = partial(BackgroundTask, register_application(timeout=10), "caller")
""",
    ),
    "datadog": Watcher(
        "x-datadog-trace-id",
        {
            "DD_CELERY_DISTRIBUTED_TRACING": "true",
            "DD_TRACE_KOMBU_ENABLED": "true",
            "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
        },
        ("-m", "ddtrace.commands.ddtrace_run"),
        """
from ddtrace.trace import tracer
trace = lambda: tracer.trace("caller")
""",
    ),
}
#: Datadog's agent takes a role ten seconds to start.
WATCHED = [(name, queue) for name in WATCHERS for queue in QUEUES if (name, queue) != ("datadog", "io")]

CALLS = """
{trace}
import tests.gallery.tasks
from app.celery import app
keep = app.tasks["gallery.{queue}_keep"]
with trace():
    keep.delay_on_commit("kept")
    keep.delay_on_commit("kept again")
    keep.delay("sent")
    app.send_task(keep.name, ["sent by name"])
    app.tasks["gallery.{queue}_hand_on"].delay("handed on", "gallery.{other}_keep")
"""
KEYS = {*map(repr, ("kept", "kept again", "sent", "sent by name")), "handed on"}


@pytest.mark.parametrize(("name", "queue"), WATCHED)
def test_a_task_that_others_watch_runs_with_their_headers(
    yard: Processes, channel: Any, name: str, queue: str
) -> None:
    """All of them were dead-lettered for Sentry's header ``headers``."""
    watcher, [other] = WATCHERS[name], set(QUEUES) - {queue}
    worker = watcher.start(yard, "worker", queue)
    yard.until_beating(worker)
    calls = CALLS.format(trace=watcher.trace, queue=queue, other=other)
    caller = watcher.start(yard, "shell", "-c", calls)
    assert caller.wait() == 0, caller.text()
    kept = [loads(row.headers) for row in Message.objects.all()]
    assert [watcher.header in headers for headers in kept] == [True] * len(KEYS)
    yard.relay()
    eventually(lambda: set(Run.objects.values_list("key", flat=True)) == KEYS, what="all to run")
    eventually(lambda: len(worker.events("task_finished")) == len(KEYS))
    assert {line["outcome"] for line in worker.events("task_finished")} == {"succeeded"}
    assert not worker.events("message_refused")
    assert dead(channel, queue) == 0
    by_a_task = eventually(lambda: channel.basic_get(other, no_ack=True), what="what a task called").headers
    assert watcher.header in by_a_task
    if watcher.command:
        assert _trace(by_a_task[watcher.header]) == _trace(kept[0][watcher.header])
    worker.signal(SIGTERM)
    assert worker.wait() == 0


def _trace(value: str) -> str:
    """Its id: that is the header's second part, where it has several."""
    return value.split("-")[1] if "-" in value else value
