"""Calls RabbitMQ's management API for one vhost, with errors that say what to do."""

import ssl
from collections.abc import Iterable
from datetime import datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, unquote, urlsplit

import httpx

from switchyard.broker.address import bracketed, management_url
from switchyard.broker.connection import broker_address, broker_url, is_of_tls
from switchyard.conf import conf

TIMEOUT_SECONDS = 15.0
AGREE = (
    "https:// is for a port that speaks TLS: renew its certificate, which has to be for that name, in date "
    "(by this machine's clock) and of an authority that SSL_CERT_FILE has"
)
#: The most that the management API puts on a page.
PAGE_ROWS = 500

Row = dict[str, Any]


class ManagementError(Exception):
    """The management API did not do what was asked. The message can be shown: it holds no password."""

    def __init__(self, sentence: str, *, refused: str = "") -> None:
        super().__init__(sentence)
        #: The broker's own words, when it understood the request and declined it (HTTP 400).
        self.refused = refused


class Management:
    """A client of the management API. ``timeout_seconds`` bounds the connect and each wait for bytes."""

    def __init__(self, url: str, vhost: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        base, credentials = _parts(url)
        self.vhost = vhost
        self.user = credentials[0]
        self._base = base
        # The environment's proxies are not for the broker; its certificate authorities are (SSL_CERT_FILE).
        self._http = httpx.Client(
            base_url=f"{base}/api/",
            auth=credentials,
            timeout=timeout_seconds,
            verify=ssl.create_default_context(),
            trust_env=False,
        )

    @classmethod
    def from_settings(cls, *, timeout_seconds: float = TIMEOUT_SECONDS) -> Self:
        try:
            vhost = broker_address().vhost
        except ValueError as error:
            raise ManagementError(str(error)) from error
        url = conf.BROKER_MANAGEMENT_URL or management_url(broker_url())
        return cls(url, vhost, timeout_seconds=timeout_seconds)

    def __str__(self) -> str:
        return f"{self._base}, vhost {self.vhost}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def version(self) -> str:
        """The broker's version, as ``4.3.6``."""
        overview = self._json(self._call("GET", "overview"))
        try:
            return str(overview["rabbitmq_version"])
        except (KeyError, TypeError):
            raise self._nonsense("an object with rabbitmq_version") from None

    def alarms(self) -> dict[str, bool]:
        """Whether any node blocks publishers, for want of memory or of disk."""
        nodes = self._json(self._call("GET", "nodes", query={"columns": "mem_alarm,disk_free_alarm"}))
        if not isinstance(nodes, list) or not all(isinstance(node, dict) for node in nodes):
            raise self._nonsense("a list of nodes")
        return {
            "memory": any(node.get("mem_alarm") is True for node in nodes),
            "disk": any(node.get("disk_free_alarm") is True for node in nodes),
        }

    def nodes(self) -> list[Row]:
        """Each with name and running, and of one that runs its memory and disk (bytes) and alarms."""
        columns = "name,running,mem_used,mem_limit,disk_free,disk_free_limit,mem_alarm,disk_free_alarm"
        found = self._json(self._call("GET", "nodes", query={"columns": columns}))
        if not isinstance(found, list) or not _complete(found, ("name", "running")):
            raise self._nonsense("a list of nodes")
        return found

    def clock(self) -> datetime:
        """What time it is for the node that answers, in seconds."""
        told = self._call("GET", "whoami").headers.get("date", "")
        try:
            return parsedate_to_datetime(told)
        except ValueError:
            raise self._nonsense("a Date among its headers") from None

    def rows(self, kind: str, fields: Iterable[str], optional: Iterable[str] = (), **query: str) -> list[Row]:
        """Everything of one kind (queues, exchanges, bindings, policies) in the vhost.

        Each row has all of ``fields``, and those of ``optional`` that the broker knows at the moment.
        """
        required = set(fields)
        columns = ",".join([*required, *optional])
        rows = self._json(self._call("GET", kind, self.vhost, query={"columns": columns, **query}))
        if not isinstance(rows, list) or not _complete(rows, required):
            raise self._nonsense(f"a list of {kind} with {', '.join(sorted(required))}")
        return rows

    def matching(
        self, kind: str, pattern: str, fields: Iterable[str], optional: Iterable[str] = (), **query: str
    ) -> list[Row]:
        """As ``rows``, of those whose name matches the regular expression: the broker gathers no others."""
        found: list[Row] = []
        page, pages = 1, 1
        while page <= pages:
            only = {"name": pattern, "use_regex": "true", "page": str(page), "page_size": str(PAGE_ROWS)}
            columns = ",".join([*fields, *optional])
            answer = self._json(
                self._call("GET", kind, self.vhost, query={"columns": columns, **only, **query})
            )
            match answer:
                case {"items": list() as items, "page_count": int() as pages} if _complete(items, fields):
                    found += items
                case _:
                    raise self._nonsense(f"a page of {kind} with {', '.join(fields)}")
            page += 1
        return found

    def put(self, kind: str, *names: str, body: Row) -> None:
        """Declare something, or do nothing if it is there already in the same form."""
        self._call("PUT", kind, self.vhost, *names, body=body)

    def post(self, kind: str, *names: str, body: Row) -> None:
        self._call("POST", kind, self.vhost, *names, body=body)

    def delete(self, kind: str, *names: str, **query: str) -> None:
        self._call("DELETE", kind, self.vhost, *names, query=query)

    def _call(
        self, method: str, *path: str, query: dict[str, str] | None = None, body: Row | None = None
    ) -> httpx.Response:
        url = "/".join(quote(segment, safe="") for segment in path)
        try:
            response = self._http.request(method, url, params=query, json=body)
        except httpx.TransportError as error:
            raise self._unreachable(error) from None
        if not response.is_success:
            raise self._declined(method, path, response)
        return response

    def _json(self, response: httpx.Response) -> Any:
        try:
            return response.json()
        except ValueError:
            raise self._nonsense("JSON") from None

    def _unreachable(self, error: httpx.TransportError) -> ManagementError:
        reason = str(error).strip() or type(error).__name__
        remedy = AGREE if is_of_tls(error) else "Start the broker with its rabbitmq_management plugin"
        return ManagementError(
            f"RabbitMQ's management API at {self._base} did not answer ({reason}). {remedy}, or correct "
            "BROKER_MANAGEMENT_URL."
        )

    def _declined(self, method: str, path: tuple[str, ...], response: httpx.Response) -> ManagementError:
        reason = _reason(response)
        request = f"{method} {'/'.join(path)}"
        match response.status_code:
            case 401 | 403:
                remedy = (
                    f"the user {self.user!r} or its password is wrong, or it lacks rights (reading needs the "
                    "tag monitoring, applying policymaker). Correct BROKER_MANAGEMENT_URL, or the user"
                )
            case 404 if method == "GET":
                remedy = (
                    f"there is no vhost {self.vhost!r}, or this is not the management API. Create the vhost, "
                    "or correct BROKER_URL or BROKER_MANAGEMENT_URL"
                )
            case 400 if "feature flag" in reason:
                remedy = "enable what this release of RabbitMQ has: rabbitmqctl enable_feature_flag all"
            case 400 if "queue limit" in reason:
                remedy = "have the vhost's limit raised: rabbitmqctl set_vhost_limits"
            case _:
                remedy = "expected 2xx. The broker's log says more"
        return ManagementError(
            f"RabbitMQ's management API at {self._base} answered {request} with {response.status_code} "
            f"({reason}): {remedy}.",
            refused=reason if response.status_code == 400 else "",
        )

    def _nonsense(self, expected: str) -> ManagementError:
        return ManagementError(
            f"{self._base} answered with something else than {expected}. Is it RabbitMQ's management API? "
            "Correct BROKER_MANAGEMENT_URL."
        )


def _complete(rows: list[Any], required: Iterable[str]) -> bool:
    return all(isinstance(row, dict) and set(required) <= set(row) for row in rows)


def _parts(url: str) -> tuple[str, tuple[str, str]]:
    """The address without credentials, and the credentials."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in {"http", "https"}:
        raise ManagementError(
            "BROKER_MANAGEMENT_URL must have the form http://user:password@host:port, with / # ? @ [ in user "
            "and password percent-encoded; what came is no such URL."
        )
    authority = f"{bracketed(host)}:{port}" if port else bracketed(host)
    credentials = unquote(parts.username or "guest"), unquote(parts.password or "guest")
    return f"{parts.scheme}://{authority}{parts.path.rstrip('/')}", credentials


def _reason(response: httpx.Response) -> str:
    """What the broker said, on one line."""
    try:
        said = response.json()["reason"]
    except (ValueError, KeyError, TypeError):
        said = response.text or response.reason_phrase
    return " ".join(str(said).split())[:300]
