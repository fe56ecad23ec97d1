"""Counts what a worker has run, in its main process, which sees every outcome in either pool.

Recorded only in a process that serves it (the role ``worker``), and never in a child of the pool.
"""

import os
import threading
from collections.abc import Iterator
from functools import cache
from typing import Any

from celery.signals import worker_ready
from celery.worker import state
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from switchyard.celery import tasks
from switchyard.heartbeat import age_seconds
from switchyard.metric import PREFIX, labelled
from switchyard.postgresql.holds import KEPT
from switchyard.queues import QueueSpec
from switchyard.routing import queue_for
from switchyard.worker.log_handler import lines_dropped

OUTCOMES = (
    "succeeded",
    "retried",
    "failed",
    "rejected",
    "ignored",
    "replaced",
    "lost",
    "timed_out_soft",
    "timed_out_hard",
    "returned",
)
#: Outcomes that an exception explains which is no way of Celery's to say what to do next.
FAILURES = {"failed", "lost", "timed_out_soft", "timed_out_hard"}
LADDER = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
#: Exception classes with a series of their own, of all tasks together.
MOST_CLASSES = 50
OTHERS = "(others)"

_serving: "list[WorkerMetrics]" = []


def serve(metrics: "WorkerMetrics") -> None:
    """Record in this process from now on. Not twice: it cannot be undone."""
    _serving.append(metrics)
    worker_ready.connect(metrics.keep_pool)
    # A child must not be forked with a lock in it that a scrape holds, nor go on recording.
    release = metrics.lock.release
    os.register_at_fork(before=metrics.lock.acquire, after_in_parent=release, after_in_child=release)
    os.register_at_fork(after_in_child=_serving.clear)


def finished(task: str, *, outcome: str, error: str, wait_seconds: float, run_seconds: float) -> None:
    """One execution has ended, in this way (a word of the journal's), by this class of exception."""
    for metrics in _serving:
        metrics.finished(task, named(outcome, error), error, wait_seconds, run_seconds)


def named(outcome: str, error: str) -> str:
    """The journal's word as one of OUTCOMES."""
    if outcome == "timed_out":
        return "timed_out_hard"
    return "timed_out_soft" if outcome == "failed" and error == "SoftTimeLimitExceeded" else outcome


def wait_buckets(spec: QueueSpec) -> list[float]:
    """Up to the objective, and beyond it in multiples: how far it was missed."""
    objective = float(spec.wait_objective_seconds)
    return [*(step for step in LADDER if step < objective), *(objective * n for n in (1, 2, 6, 30))]


def run_buckets(spec: QueueSpec) -> list[float]:
    """Up to the limits."""
    soft, hard = float(spec.soft_limit_seconds), float(spec.hard_limit_seconds)
    return [*(step for step in LADDER if step < soft), soft, hard]


class WorkerMetrics(Collector):
    """Of the worker of one queue that runs ``slots`` tasks at a time."""

    def __init__(self, spec: QueueSpec, slots: int) -> None:
        #: Held while a scrape is answered.
        self.lock = threading.Lock()
        self._queue = spec.name
        self._slots = slots
        self._pool: Any = None
        self._recycled = 0
        self._classes: set[str] = set()
        self._registry = CollectorRegistry()
        self._wait = self._histogram("wait", "From when a task was due until it began.", wait_buckets(spec))
        self._run = self._histogram("run", "From its begin to its end.", run_buckets(spec))
        self._outcomes = self._counter("outcomes", "Executions that have ended.", "outcome")
        self._failures = self._counter("failures", "Executions that an exception ended.", "exception")
        #: Looked up once for each task and outcome.
        self._series = cache(self._find_series)
        # From the start: an increase can be seen of a series that was there before.
        for task in tasks():
            if queue_for(task) == spec:
                KEPT.labels(self._queue, task)
                for outcome in OUTCOMES:
                    self._outcomes.labels(self._queue, task, outcome)

    def finished(self, task: str, outcome: str, error: str, wait: float, run: float) -> None:
        counter, wait_histogram, run_histogram = self._series(task, outcome)
        counter.inc()
        wait_histogram.observe(wait)
        run_histogram.observe(run)
        if outcome in FAILURES:
            self._failures.labels(self._queue, task, self._class(error)).inc()

    def _find_series(self, task: str, outcome: str) -> tuple[Counter, Histogram, Histogram]:
        return (
            self._outcomes.labels(self._queue, task, outcome),
            self._wait.labels(self._queue, task),
            self._run.labels(self._queue, task),
        )

    def keep_pool(self, sender: Any, **_: Any) -> None:
        self._pool = sender.pool

    def describe(self) -> list[Metric]:
        """Nothing: it is known only once the worker runs."""
        return []

    def collect(self) -> Iterator[Metric]:
        with self.lock:
            found = [*self._registry.collect(), *KEPT.collect(), *self._now()]
        yield from found

    def _now(self) -> Iterator[Metric]:
        queue = self._queue
        busy = {queue: float(len(state.active_requests))}
        yield labelled("worker_slots", "Tasks that it runs at a time.", "queue", {queue: float(self._slots)})
        yield labelled("worker_slots_busy", "Tasks that it runs now.", "queue", busy)
        age = {queue: age_seconds()}
        yield labelled("worker_heartbeat_age_seconds", "Since it made progress.", "queue", age)
        recycled = {queue: float(self._count_recycled())}
        text = "Child processes that took another's place."
        yield labelled("worker_children_recycled", text, "queue", recycled, counter=True)
        dropped = {queue: float(lines_dropped())}
        text = "Lines of its log for which there was no room, since nobody read them."
        yield labelled("worker_log_lines_dropped", text, "queue", dropped, counter=True)

    def _count_recycled(self) -> int:
        """A child's name ends in its number, which is one more for each that was started (billiard)."""
        children = getattr(getattr(self._pool, "_pool", None), "_pool", None) or []
        newest = max((int(child.name.rpartition("-")[2]) for child in list(children)), default=0)
        self._recycled = max(self._recycled, newest - self._slots)
        return self._recycled

    def _class(self, error: str) -> str:
        if error not in self._classes and len(self._classes) >= MOST_CLASSES:
            return OTHERS
        self._classes.add(error)
        return error

    def _histogram(self, name: str, text: str, buckets: list[float]) -> Histogram:
        name = f"{PREFIX}task_{name}_seconds"
        return Histogram(name, text, ["queue", "task"], buckets=buckets, registry=self._registry)

    def _counter(self, name: str, text: str, label: str) -> Counter:
        return Counter(f"{PREFIX}task_{name}", text, ["queue", "task", label], registry=self._registry)
