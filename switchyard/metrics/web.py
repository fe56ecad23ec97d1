"""Counts the requests of web, and serves the counts of all its processes.

One process counts for itself. Several (WEB_PROCESSES) count into files of a folder that they share, which
prometheus-client has for this (PROMETHEUS_MULTIPROC_DIR, set by the role): whichever has the port serves the
sums. There are as many files as processes live at once, however often they are replaced
(``switchyard.metrics.slots``).
"""

import os
import time
from threading import Thread
from typing import Any

import structlog
from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from switchyard.conf import conf
from switchyard.metric import PREFIX
from switchyard.metrics.server import Probes, listening
from switchyard.outbox.metrics import ENQUEUE

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
#: Of a path that no pattern of ours matches: static files, and whatever strangers ask for.
NO_ROUTE = "(none)"
OTHER = "(other)"
REQUEST_BUCKETS = (0.005, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)
#: Until a process looks again whether the port is free: another process of ours has it, or its last one.
RETRY_SECONDS = 1.0

log = structlog.get_logger("switchyard.metrics")

_registry = CollectorRegistry()
_requests = Counter(
    f"{PREFIX}http_requests", "Requests answered.", ["method", "route", "status"], registry=_registry
)
_refused = Counter(
    f"{PREFIX}http_connections_refused",
    "Clients that were let go before they had an answer.",
    ["reason"],
    registry=_registry,
)
for _reason in ("slow", "large", "crowded"):
    _refused.labels(_reason)  # a series from the start, as a rate needs one
_seconds = Histogram(
    f"{PREFIX}http_request_seconds",
    "From a request to its answer.",
    ["route"],
    buckets=REQUEST_BUCKETS,
    registry=_registry,
)


@sync_and_async_middleware
def Requests(get_response: Any) -> Any:  # noqa: N802 - a middleware, named as those that are classes
    """Counts every request but the probes, which are answered before it."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response: HttpResponseBase = get_response(request)
        _count(request, response, time.perf_counter() - began)
        return response

    async def answer_async(request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response: HttpResponseBase = await get_response(request)
        _count(request, response, time.perf_counter() - began)
        return response

    return answer_async if iscoroutinefunction(get_response) else answer


def _count(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    route = request.resolver_match.route if request.resolver_match else NO_ROUTE
    method = request.method if request.method in METHODS else OTHER
    _requests.labels(method, route, response.status_code).inc()
    _seconds.labels(route).observe(seconds)


def count_refused(reason: str) -> None:
    """``slow``, ``large`` or ``crowded``."""
    _refused.labels(reason).inc()


class WebMetrics(Collector):
    """Of this process, or of all of them."""

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> list[Metric]:
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return [*_registry.collect(), *ENQUEUE.collect()]
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return list(together.collect())


def serve(probes: Probes) -> None:
    """Answer scrapes and probes in a thread of this process, from when the port is free."""
    Thread(target=_serve, args=(probes,), name="metrics", daemon=True).start()


def _serve(probes: Probes) -> None:
    host, port = conf.BIND_ADDRESS, conf.WEB_METRICS_PORT
    while True:
        try:
            server = listening(host, port, WebMetrics(), probes)
        except OSError:
            time.sleep(RETRY_SECONDS)
        else:
            log.info("serving", metrics=str(server))
            server.serve_forever()
