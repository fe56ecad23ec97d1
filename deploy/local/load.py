"""Real work for the service, sent as any client would send it: over HTTP, with a token of its own."""

import secrets
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from deploy.local.errors import LocalError

_CLIENTS = 8
_EVENTS = ["user.signed_up", "report.done"]


@dataclass(frozen=True)
class Amounts:
    signups: int
    reports: int
    webhooks: int

    @property
    def mails(self) -> int:
        return self.signups + self.reports

    @property
    def deliveries(self) -> int:
        """The first sign-up comes before any target: its token is what registers them."""
        return self.webhooks * (self.signups - 1 + self.reports)

    @property
    def effects(self) -> int:
        return self.mails + self.reports + self.deliveries


class Client:
    """One user of the service, and the reports that this user waits for."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=30, trust_env=False)
        self._run = secrets.token_hex(4)
        self._threads = ThreadPoolExecutor(_CLIENTS)
        self._calls: list[Future[Any]] = []
        self._waiting: list[str] = []
        self._unconfirmed: list[str] = []
        self.reports_done = 0
        self.reports_failed: list[str] = []

    def sign_up(self, number: int) -> dict[str, Any]:
        account = {"email": f"{self._run}-{number}@example.com", "name": f"Visitor {number}"}
        return self._post("/signup", account, 202)

    def authenticate(self, token: str) -> None:
        self._http.headers["Authorization"] = f"Bearer {token}"

    def register(self, url: str) -> str:
        """Registers a target for all events; returns the secret that signs what is delivered to it."""
        target = self._post("/webhooks", {"url": url, "events": _EVENTS}, 201)
        self._unconfirmed.append(target["status_url"])
        return str(target["secret"])

    def all_confirmed(self) -> bool:
        """Whether each target has answered its challenge, so that it is told of what comes."""
        self._unconfirmed = [
            url for url in self._unconfirmed if self._get(url).json()["state"] != "confirmed"
        ]
        return not self._unconfirmed

    def send(self, amounts: Amounts) -> None:
        """Begins to send reports and sign-ups, several at a time, as clients do."""
        self._calls += [self._threads.submit(self._request_report) for _ in range(amounts.reports)]
        self._calls += [self._threads.submit(self.sign_up, number) for number in range(1, amounts.signups)]

    def accepted(self) -> int:
        """How many of them the service has accepted; raises if it refused one."""
        finished = [call for call in self._calls if call.done()]
        for call in finished:
            call.result()
        return len(finished)

    def all_accepted(self) -> bool:
        return self.accepted() == len(self._calls)

    def look_at_reports(self) -> None:
        """Asks once for each report that is not done yet; downloads what is."""
        for url in list(self._waiting):
            report = self._get(url).json()
            if report["state"] == "done":
                for link in report["downloads"].values():
                    self._get(link)
                self.reports_done += 1
                self._waiting.remove(url)
            elif report["state"] == "failed":
                self.reports_failed.append(url)
                self._waiting.remove(url)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._http.close()

    def _request_report(self) -> None:
        self._waiting.append(str(self._post("/reports", {"days": 30}, 202)["url"]))

    def _post(self, path: str, body: Mapping[str, Any], expected: int) -> dict[str, Any]:
        answer: dict[str, Any] = _expect(self._http.post(path, json=body), expected).json()
        return answer

    def _get(self, url: str) -> httpx.Response:
        return _expect(self._http.get(url), 200)


def _expect(response: httpx.Response, status: int) -> httpx.Response:
    if response.status_code != status:
        request = response.request
        answer = f"{response.status_code}, expected {status}: {response.text[:300]}"
        raise LocalError(f"{request.method} {request.url} answered {answer}")
    return response
