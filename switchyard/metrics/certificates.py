"""Says how long the certificates of the servers are still good for: nothing else notices before the day."""

import os
import socket
import ssl
import struct
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from django.db import connection
from prometheus_client.metrics_core import Metric

from switchyard.broker.drivers import addresses
from switchyard.celery import attached
from switchyard.conf import conf
from switchyard.deadline import CONNECT_SECONDS
from switchyard.metric import labelled

#: Between two looks: it is days that count.
CERTIFICATE_SECONDS = 600.0
#: By which a client asks PostgreSQL for TLS (its protocol's SSLRequest), and what says yes.
_SSL_REQUEST, _YES = struct.pack("!ii", 8, 80877103), b"S"
#: OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED.
_EXPIRED = 10
#: With which libpq compares the certificate with an authority's.
_VERIFIED = {"verify-ca", "verify-full"}


@dataclass(frozen=True, slots=True)
class Place:
    """``authority`` is a file; empty for the system's (SSL_CERT_FILE)."""

    server: str
    host: str
    port: int
    authority: str = ""
    request: bytes = b""


def read_certificates() -> Mapping[str, float]:
    """Server to the seconds that the certificate has which is over first; of those that can be looked at.

    What is not in date, or is not trusted, its client says at each connect; it is 0 and left out here.
    """
    found: dict[str, float] = {}
    for place in places():
        left = seconds_left(place)
        if left is not None:
            found[place.server] = min(left, found.get(place.server, left))
    return found


def certificate_metrics(left: Mapping[str, float] | None) -> Iterator[Metric]:
    text = "Until a certificate of the server expires."
    yield labelled("certificate_remaining_seconds", text, "server", dict(left or {}))


def places() -> list[Place]:
    """Every address of ours that speaks TLS and whose certificate somebody compares."""
    return [*_brokers(), *_management(), *_databases()]


def seconds_left(place: Place) -> float | None:
    try:
        with (
            socket.create_connection((place.host, place.port), CONNECT_SECONDS) as plain,
            _spoken(plain, place) as link,
        ):
            ends = cast("dict[str, Any]", link.getpeercert())["notAfter"]
            return ssl.cert_time_to_seconds(ends) - time.time()
    except ssl.SSLCertVerificationError as error:
        return 0.0 if error.verify_code == _EXPIRED else None
    except OSError:
        return None


def _spoken(plain: socket.socket, place: Place) -> ssl.SSLSocket:
    if place.request:
        plain.sendall(place.request)
        if plain.recv(1) != _YES:
            raise ConnectionError(f"{place.server} speaks no TLS")
    context = ssl.create_default_context(cafile=place.authority or None)
    # Whether the name is right is its client's business, which knows better.
    context.check_hostname = False
    return context.wrap_socket(plain, server_hostname=place.host)


def _brokers() -> Iterator[Place]:
    settings = attached().conf
    options = settings.broker_use_ssl if isinstance(settings.broker_use_ssl, dict) else {}
    urls = settings.broker_url if isinstance(settings.broker_url, str) else ";".join(settings.broker_url)
    for url in map(urlsplit, addresses(urls)):
        if url.scheme == "amqps":
            yield Place("broker", url.hostname or "", url.port or 5671, options.get("ca_certs") or "")


def _management() -> Iterator[Place]:
    url = urlsplit(conf.BROKER_MANAGEMENT_URL or "")
    if url.scheme == "https":
        yield Place("broker management", url.hostname or "", url.port or 443)


def _databases() -> Iterable[Place]:
    said = connection.get_connection_params()
    if said.get("sslmode") not in _VERIFIED:
        return []
    authority = said.get("sslrootcert") or os.environ.get("PGSSLROOTCERT") or ""
    file = "" if authority == "system" else authority
    hosts, ports = str(said.get("host") or "").split(","), str(said.get("port") or 5432).split(",")
    numbers = ports * len(hosts) if len(ports) == 1 else ports
    return [
        Place("database", host, int(port), file, _SSL_REQUEST)
        for host, port in zip(hosts, numbers, strict=True)
        if host and not host.startswith("/")
    ]
