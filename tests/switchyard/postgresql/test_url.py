"""Every parameter of libpq's in DATABASE_URL holds wherever a connection is made, or is refused by name."""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from hashlib import pbkdf2_hmac
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
import pytest
from django.db import OperationalError, connection, connections
from psycopg import pq

from deploy.local.ports import free_ports
from switchyard.outage import Unavailable
from switchyard.pooler import connected
from switchyard.postgresql.pool import share_connections
from switchyard.postgresql.url import REFUSED, database_from_url
from switchyard.process import dependencies
from switchyard.relay.wake import Wake
from switchyard.schedule.lease import Lease
from tests.database_entry import changed

#: One value of each. In braces: what the server of the run has.
VALUES = {
    "application_name": "007",
    "channel_binding": "disable",
    "connect_timeout": "3",
    "dbname": "{NAME}",
    "fallback_application_name": "true",
    "gssdelegation": "0",
    "gssencmode": "disable",
    "gsslib": "gssapi",
    "host": "{HOST},{HOST}",
    "hostaddr": "127.0.0.1",
    "keepalives": "1",
    "keepalives_count": "5",
    "keepalives_idle": "30",
    "keepalives_interval": "7",
    "krbsrvname": "postgres",
    "load_balance_hosts": "random",
    "max_protocol_version": "latest",
    "min_protocol_version": "3.0",
    "oauth_client_id": "id",
    "oauth_client_secret": "0123",
    "oauth_issuer": "https://issuer",
    "oauth_scope": "scope",
    "options": "-c statement_timeout=4321",
    "passfile": "{folder}/passfile",
    "password": "{PASSWORD}",
    "port": "{PORT}",
    "require_auth": "!password",
    "requirepeer": "postgres",
    "scram_client_key": "{client_key}",
    "scram_server_key": "{server_key}",
    "service": "ours",
    "sslcert": "{folder}/none.crt",
    "sslcertmode": "disable",
    "sslcompression": "0",
    "sslcrl": "{folder}/none.crl",
    "sslcrldir": "{folder}",
    "sslkey": "{folder}/none.key",
    "sslkeylogfile": "{folder}/keys",
    "sslmode": "prefer",
    "sslnegotiation": "postgres",
    "sslpassword": "0123",
    "sslrootcert": "{folder}/none.pem",
    "sslsni": "0",
    "ssl_max_protocol_version": "TLSv1.3",
    "ssl_min_protocol_version": "TLSv1.2",
    "target_session_attrs": "any",
    "tcp_user_timeout": "9000",
    "user": "{USER}",
}
#: The one is of no use without the other.
SCRAM = {"scram_client_key", "scram_server_key"}
KNOWN = sorted(option.keyword.decode() for option in pq.Conninfo.get_defaults())


@pytest.fixture
def server(
    django_db_setup: None, django_db_blocker: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """What the test's database is reached by, and is reached by again after the test. Nothing is written."""
    with django_db_blocker.unblock():
        yield from _server(tmp_path, monkeypatch)


def _server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    known = {
        name: str(connection.settings_dict[name]) for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")
    }
    (tmp_path / "service").write_text("[ours]\napplication_name=from-a-file\n")
    (tmp_path / "passfile").write_text("{HOST}:{PORT}:*:{USER}:{PASSWORD}\n".format(**known))
    (tmp_path / "passfile").chmod(0o600)
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "service"))
    with changed():
        yield {**known, **scram_keys(), "folder": str(tmp_path)}


def scram_keys() -> dict[str, str]:
    """What stands for a password for who has them (RFC 5802, 3)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolpassword FROM pg_authid WHERE rolname = current_user")
        [verifier] = cursor.fetchone()
    iterations, salt = verifier.split("$")[1].split(":")
    password = str(connection.settings_dict["PASSWORD"]).encode()
    salted = pbkdf2_hmac("sha256", password, b64decode(salt), int(iterations))
    return {
        f"{end.lower()}_key": b64encode(hmac.digest(salted, f"{end} Key".encode(), "sha256")).decode()
        for end in ("Client", "Server")
    }


def go_by(server: dict[str, str], places: str = "{HOST}:{PORT}", **parameters: str) -> None:
    """Have DATABASES be what a DATABASE_URL with these says. What is said twice stands after the ``?``."""
    login = "{USER}:{PASSWORD}@" if "passfile" not in parameters else "{USER}@"
    base = f"postgres://{login}{places}/{{NAME}}?".format(**{k: quote(v, "") for k, v in server.items()})
    connection.close()
    connection.settings_dict |= database_from_url(base + urlencode(parameters))


def by_the_pool() -> dict[str, str]:
    share_connections(wait_seconds=10)
    return by_django()


def by_django() -> dict[str, str]:
    connection.ensure_connection()
    return connection.connection.info.get_parameters()


def beside() -> dict[str, str]:
    with connected() as link:
        return link.info.get_parameters()


def by_the_lease() -> dict[str, str]:
    lease = Lease()
    assert lease.take()
    try:
        return lease._connected().info.get_parameters()
    finally:
        lease.release()


def by_the_relay() -> dict[str, str]:
    wake = Wake()
    try:
        return wake._listening().info.get_parameters()
    finally:
        wake.close()


PLACES: tuple[Callable[[], dict[str, str]], ...] = (
    by_django,
    beside,
    by_the_lease,
    by_the_relay,
    by_the_pool,
)


def test_none_of_them_is_forgotten() -> None:
    assert sorted([*VALUES, *REFUSED]) == KNOWN


@pytest.mark.parametrize("name", VALUES)
def test_a_parameter_of_the_url_holds_for_every_connection(server: dict[str, str], name: str) -> None:
    value = VALUES[name].format(**server)
    both = {"scram_server_key": VALUES["scram_server_key"].format(**server)} if name in SCRAM else {}
    go_by(server, **{name: value} | both)
    for place in PLACES:
        found = place()
        # libpq tells of no password, and of the rest what differs from its own defaults.
        assert found.get(name, value) == value or name in {"service", "host"}, place.__name__


@pytest.mark.parametrize("name", [*REFUSED, "currentSchema", "sslmod"])
def test_what_cannot_be_had_is_refused_by_its_name_and_the_variables(name: str) -> None:
    with pytest.raises(ValueError, match=rf"^OTHER_URL: {name}: .*\.$") as raised:
        database_from_url(f"postgres://u:hidden@h/n?{name}=hidden", "OTHER_URL")
    assert "hidden" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:hidden@h/n",
        "postgres://u:hid/den@h/n",
        "postgres://u:p@h/n?connect_timeout=hidden",
        "postgres://u:p@h/n#hidden",
        "postgres://u:p@[hidden/n",
        "postgres://u:p@[hidden]/n",
        "postgres://u:p@h]idden/n",
        "postgres://u:p@h/n?pool=hidden",
    ],
)
def test_a_url_that_cannot_be_read_says_what_was_expected_and_no_secret(url: str) -> None:
    with pytest.raises(ValueError, match="DATABASE_URL: ") as raised:
        database_from_url(url)
    assert "hid" not in str(raised.value)


def test_what_is_text_stays_text_and_what_is_djangos_is_made_so() -> None:
    found = database_from_url(
        "postgresql://U:p%40@s@[::1],H:6/n%2Fm?application_name=007&pool=true&prepare_threshold=5"
    )
    assert found == {
        "NAME": "n/m",
        "USER": "U",
        "PASSWORD": "p@@s",
        "HOST": "::1,H",
        "PORT": "5432,6",
        "OPTIONS": {"application_name": "007", "pool": True, "prepare_threshold": 5},
    }
    assert database_from_url("postgres://[fe80::1%25eth0],[::1]:6/n")["HOST"] == "fe80::1%eth0,::1"
    assert database_from_url("postgres:///n?host=/Run/a")["HOST"] == "/Run/a"
    assert database_from_url("postgres://%2FRun%2Fa/n")["HOST"] == "/Run/a"
    assert database_from_url("postgres://u@h/n")["PORT"] == ""


def test_of_several_hosts_the_first_that_answers_is_taken(server: dict[str, str]) -> None:
    go_by(server, places=f"{{HOST}}:{free_ports(1)[0]},{{HOST}}:{{PORT}}")
    for place in PLACES:
        assert place()["port"] == server["PORT"]


def test_what_only_the_server_can_judge_is_said_by_its_name(server: dict[str, str]) -> None:
    go_by(server, sslmode="nonsense")
    with pytest.raises(OperationalError, match="sslmode"):
        connection.ensure_connection()
    connection.settings_dict["OPTIONS"] = {"nonsense": 1}
    with pytest.raises(Unavailable, match=r"nonsense.*DATABASE_URL"):
        dependencies.database_server()


def test_a_connection_of_anothers_backend_beside_it_goes_by_the_url_too(server: dict[str, str]) -> None:
    go_by(server, application_name="seen")
    with psycopg.connect(**connections["default"].get_connection_params()) as link:
        assert link.execute("SHOW application_name").fetchone() == ("seen",)
