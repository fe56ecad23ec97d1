"""What web counts, and how many series strangers can make."""

import pytest
from prometheus_client import CollectorRegistry

from app.celery import app
from app.queues import CPU, IO
from switchyard.metrics.web import WebMetrics
from switchyard.worker.metrics import MOST_CLASSES, OTHERS, WorkerMetrics, run_buckets, wait_buckets


def counted(**labels: str) -> float:
    registry = CollectorRegistry()
    registry.register(WebMetrics())
    return registry.get_sample_value("switchyard_http_requests_total", labels) or 0.0


def series() -> int:
    return sum(len(metric.samples) for metric in WebMetrics().collect())


@pytest.mark.django_db
def test_a_request_counts_by_the_pattern_that_matched(client) -> None:
    labels = {"method": "GET", "route": "admin/", "status": "302"}
    before = counted(**labels)
    client.get("/admin/?next=/somewhere")
    assert counted(**labels) == before + 1


def test_strangers_make_no_series_by_what_they_ask_for(client) -> None:
    client.get("/nowhere")
    client.generic("BREW", "/nowhere")
    before = series()
    for number in range(20):
        client.get(f"/nowhere/{number}")
        client.generic(f"BREW{number}", "/nowhere")
    assert series() == before


def test_a_probe_is_no_request(client) -> None:
    before = series()
    client.get("/livez")
    assert series() == before


@pytest.mark.django_db
def test_what_handing_a_task_over_costs_is_counted_by_its_queue() -> None:
    registry = CollectorRegistry()
    registry.register(WebMetrics())

    def calls() -> float:
        return registry.get_sample_value("switchyard_enqueue_seconds_count", {"queue": CPU.name}) or 0.0

    before = calls()
    app.tasks["gallery.cpu_wait"].delay_on_commit("key")
    assert calls() == before + 1


@pytest.mark.parametrize("spec", [IO, CPU])
def test_the_buckets_hold_the_objective_and_the_limits(spec) -> None:
    assert spec.wait_objective_seconds in wait_buckets(spec)
    assert {spec.soft_limit_seconds, spec.hard_limit_seconds} <= set(run_buckets(spec))
    assert wait_buckets(spec) == sorted(set(wait_buckets(spec)))
    assert run_buckets(spec) == sorted(set(run_buckets(spec)))


def test_classes_of_exceptions_beyond_the_bound_are_counted_together() -> None:
    registry, metrics = CollectorRegistry(), WorkerMetrics(IO, 1)
    registry.register(metrics)
    for number in range(2 * MOST_CLASSES):
        metrics.finished("gallery.io_wait", "failed", f"Error{number}", 0.1, 0.1)
    found = [sample.labels for metric in metrics.collect() for sample in metric.samples]
    classes = {labels["exception"] for labels in found if "exception" in labels}
    assert len(classes) == MOST_CLASSES + 1
    assert OTHERS in classes
