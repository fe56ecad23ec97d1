"""Reads a broker URL into its parts, without the password."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

PORTS = {"amqps": 5671, "pyamqps": 5671}
DEFAULT_PORT = 5672


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Prints as ``amqp host:port/vhost``, which may be shown to anybody."""

    host: str
    port: int
    user: str
    vhost: str

    def __str__(self) -> str:
        return f"amqp {bracketed(self.host)}:{self.port}/{self.vhost}"


def address(url: str) -> BrokerAddress:
    """The first broker that ``url`` names (kombu separates alternatives by ``;``).

    Raises ValueError if it names none. Its message does not quote the URL, which holds the password.
    """
    try:
        parts = urlsplit(url.partition(";")[0])
        host, port = parts.hostname, parts.port
    except ValueError:
        # A "/" or "#" in a password ends the host there, so that what looks like the port is password.
        host = None
    if not host:
        raise ValueError(
            "BROKER_URL must have the form pyamqp://user:password@host:port/vhost, with / # ? @ [ ; in user "
            "and password percent-encoded; what came names no host, or its port is not a number."
        )
    return BrokerAddress(
        host=host,
        port=port or PORTS.get(parts.scheme, DEFAULT_PORT),
        user=unquote(parts.username or "guest"),
        vhost=unquote(parts.path.removeprefix("/")) or "/",
    )


def management_url(url: str) -> str:
    """Where the management API of that broker is: its host and user, at the port that RabbitMQ gives it."""
    parts = urlsplit(url.partition(";")[0])
    login = parts.netloc.rpartition("@")[0]
    scheme, port = ("https", 15671) if parts.scheme in PORTS else ("http", 15672)
    return f"{scheme}://{login}{'@' if login else ''}{bracketed(parts.hostname or '')}:{port}"


def bracketed(host: str) -> str:
    """As a URL has it before a port: an IPv6 address in brackets (RFC 3986, 3.2.2)."""
    return f"[{host}]" if ":" in host else host
