"""Reads a database URL into an entry of DATABASES, with every parameter that libpq has.

``postgres://user:password@host:5432,other:5433/name?sslmode=require&connect_timeout=3``: the parameters are
those of libpq (PostgreSQL's manual, "Parameter Key Words"), as text, and those of Django's own OPTIONS. What
is neither, or cannot be had, is refused by its name, and the message quotes no value: it may be a password.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote

from psycopg import IsolationLevel, pq

SCHEMES = ("postgres", "postgresql", "pgsql")
FORM = (
    "expected postgres://user:password@host:5432/name?parameter=value, or several host:port with commas "
    "between, with / # ? @ [ : in user and password percent-encoded; came "
)

#: An IPv6 address, with its zone if it has one (RFC 3986, 3.2.2, and RFC 6874).
BRACKETED = re.compile(r"\[[0-9A-Fa-f:.]+(%[\w.~%-]+)?\]")

#: What Django has a key for beside OPTIONS.
KEYS = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
_TRUTH = {"true": True, "1": True, "false": False, "0": False}
#: OPTIONS that are Django's, and what they are made of.
DJANGO: Mapping[str, Callable[[str], object]] = {
    "assume_role": str,
    "isolation_level": lambda value: IsolationLevel(int(value)),
    "pool": lambda value: _TRUTH[value.lower()],
    "prepare_threshold": int,
    "server_side_binding": lambda value: _TRUTH[value.lower()],
}
#: Parameters of libpq that cannot be had here, and why.
REFUSED = {
    "client_encoding": "Django speaks UTF8 with the database and nothing else",
    "replication": "a session that replicates runs no ordinary statements",
}
#: Parameters that libpq wants as a number, which it would say only to who connects by TCP.
NUMBERS = {"connect_timeout", "keepalives", "tcp_user_timeout"} | {
    f"keepalives_{name}" for name in ("idle", "interval", "count")
}


def database_from_url(url: str, variable: str = "DATABASE_URL") -> dict[str, Any]:
    """NAME, USER, PASSWORD, HOST, PORT and OPTIONS. Raises ValueError, which names the ``variable``."""
    try:
        parts = _parts(url)
        given = _of_authority(parts) | dict(parse_qsl(parts.query, keep_blank_values=True))
        entry: dict[str, Any] = {key: given.pop(name, "") for name, key in KEYS.items()}
        entry["OPTIONS"] = {name: _value(name, value) for name, value in given.items()}
    except ValueError as error:
        raise ValueError(f"{variable}: {error}") from None
    return entry


def _parts(url: str) -> SplitResult:
    """As ``urlsplit`` does, which in newer releases of Python takes no brackets beside another host."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.lower() not in SCHEMES:
        raise ValueError(f"{FORM}another scheme.")
    rest, fragment, _ = rest.partition("#")
    if fragment:
        raise ValueError(f"{FORM}a # that ends it.")
    rest, _, query = rest.partition("?")
    netloc, slash, path = rest.partition("/")
    return SplitResult(scheme, netloc, slash + path, query, "")


def _of_authority(parts: SplitResult) -> dict[str, str]:
    """What stands before the ``?``, without what is empty: a parameter after it may say it as well."""
    login, _, places = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    hosts, ports = zip(*(_host_and_port(place) for place in places.split(",")), strict=True)
    found = {
        "user": unquote(user),
        "password": unquote(password),
        "host": ",".join(hosts),
        "port": ",".join(port or "5432" for port in ports) if any(ports) else "",
        "dbname": unquote(parts.path.removeprefix("/")),
    }
    return {name: value for name, value in found.items() if value}


def _host_and_port(place: str) -> tuple[str, str]:
    """Of ``host:5432``, ``[::1]:5432``, ``%2Frun%2Fpostgresql`` or nothing."""
    host, colon, port = place.rpartition(":") if not place.endswith("]") else (place, "", "")
    if not colon:
        host, port = host or place, ""
    if port and not port.isdecimal():
        raise ValueError(f"{FORM}a port that is not a number.")
    if BRACKETED.fullmatch(host):
        host = host[1:-1]
    elif "[" in host or "]" in host:
        raise ValueError(f"{FORM}brackets around what is no address.")
    return unquote(host), port


def _value(name: str, value: str) -> object:
    if name in REFUSED:
        raise ValueError(f"{name}: {REFUSED[name]}. Take it out of the URL.")
    if name in DJANGO:
        return _converted(name, value, DJANGO[name])
    if name in NUMBERS:
        return _converted(name, value, int)
    if name not in _known():
        raise ValueError(
            f"{name}: expected a parameter that libpq {pq.version_pretty(pq.version())} has, or "
            f"one of Django's ({', '.join(DJANGO)}). Correct its name, or take it out of the URL."
        )
    return value


def _converted(name: str, value: str, convert: Callable[[str], object]) -> object:
    try:
        return convert(value)
    except (KeyError, ValueError):
        raise ValueError(f"{name}: came with a value that it cannot have. Correct it in the URL.") from None


def _known() -> set[str]:
    return {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
