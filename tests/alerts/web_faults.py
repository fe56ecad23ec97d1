"""What is done to web, for the alerts about it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.alerts.fault import Fault, Round
from tests.alerts.service import Service

#: A second, beside the normal load.
_PER_SECOND = 3


class Answers:
    """Requests that are answered as their query says, until the fault ends."""

    def __init__(self, query: str) -> None:
        self._query = query

    def begin(self, service: Service) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(f"{service.url}/answer?{self._query}",))
        self._thread.start()

    def end(self, _service: Service) -> None:
        self._stop.set()
        self._thread.join(30)

    def _run(self, url: str) -> None:
        with httpx.Client(timeout=10, trust_env=False) as client, ThreadPoolExecutor(8) as pool:
            while not self._stop.wait(1 / _PER_SECOND):
                pool.submit(_ask, client, url)


def certified(service: Service, days: float) -> None:
    service.probe.days_left = days


def _ask(client: httpx.Client, url: str) -> None:
    try:
        client.get(url)
    except httpx.HTTPError:
        """It is web's trouble that is looked at."""


def rounds() -> list[Round]:
    """Under the rules as they are."""
    closed = Fault(
        "web is ended",
        ("WebUnreachable",),
        lambda service: service.end_role("web"),
        lambda service: service.start_role("web"),
    )
    expires = Fault(
        "web's certificate has three days left",
        ("CertificateExpires",),
        lambda service: certified(service, days=3),
        lambda service: certified(service, days=90),
    )
    return [(expires,), (closed,)]


def long_rounds() -> list[Round]:
    """Under the shortened ones."""
    failing = _answered("requests are answered with errors", "status=500", "WebFailing", "WebFailingSlowly")
    slow = _answered("requests take longer than a second", "seconds=1.5", "WebSlow")
    refused = _answered("requests are refused for being too many", "status=429", "WebRefusing")
    return [(failing,), (slow, refused)]


def _answered(name: str, query: str, *alerts: str) -> Fault:
    answers = Answers(query)
    return Fault(name, alerts, answers.begin, answers.end)
