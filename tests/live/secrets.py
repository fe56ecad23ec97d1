"""Users with passwords of their own for the servers of a live test, and where those passwords must not be."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit
from uuid import uuid4

import httpx
from django.db import connection

from tests.live.broker import Vhost


def password() -> str:
    """Two words between which are characters that have to be encoded in a URL."""
    return f"{uuid4().hex}/@'{uuid4().hex}"


@dataclass
class Secrets:
    """A different one in each place that a role knows."""

    vhost: Vhost
    key: str = field(default_factory=lambda: uuid4().hex)
    earlier_key: str = field(default_factory=lambda: uuid4().hex)
    database: str = field(default_factory=password)
    broker: str = field(default_factory=password)
    other_broker: str = field(default_factory=password)
    management: str = field(default_factory=password)
    mail: str = field(default_factory=password)

    @property
    def words(self) -> dict[str, str]:
        """Each word that nothing may show, and what it is a part of."""
        named = {name: value for name, value in vars(self).items() if isinstance(value, str)}
        return {word: name for name, value in named.items() for word in value.split("/@'")}

    def environment(self) -> dict[str, str]:
        """The variables of a role."""
        of = {name: quote(value, safe="") for name, value in vars(self).items() if isinstance(value, str)}
        database, broker = connection.settings_dict, urlsplit(self.vhost.url)
        management = urlsplit(self.vhost.management_url)
        return {
            "SECRET_KEY": self.key,
            "SECRET_KEY_FALLBACKS": self.earlier_key,
            "EMAIL_HOST_PASSWORD": self.mail,
            "DATABASE_URL": "postgres://guarded:{pw}@{HOST}:{PORT}/{NAME}".format(
                pw=of["database"], **database
            ),
            "BROKER_URL": (
                f"pyamqp://guarded:{of['broker']}@{broker.hostname}:{broker.port}{broker.path};"
                f"pyamqp://guarded:{of['other_broker']}@127.0.0.1:1{broker.path}"
            ),
            "BROKER_MANAGEMENT_URL": (
                f"{management.scheme}://guarded-operator:{of['management']}@{management.hostname}:{management.port}"
            ),
        }

    def found_in(self, said: dict[str, str]) -> list[str]:
        """Where which of them is."""
        return sorted(
            f"{name} in {where}"
            for word, name in self.words.items()
            for where, text in said.items()
            if word in text
        )

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """The servers have users with these passwords until the block ends."""
        with connection.cursor() as cursor:
            cursor.execute("DROP ROLE IF EXISTS guarded")
            cursor.execute("CREATE ROLE guarded SUPERUSER LOGIN")
        self.change(self.database, self.broker)
        self._put_user("guarded-operator", self.management, "administrator")
        yield
        with connection.cursor() as cursor:
            cursor.execute("DROP ROLE guarded")
        with self._management() as management:
            for user in ("guarded", "guarded-operator"):
                management.delete(f"/api/users/{user}").raise_for_status()

    def change(self, database: str, broker: str) -> None:
        """Let nobody in any more who has other passwords, and close what is open."""
        self._put_user("guarded", broker, "")
        with self._management() as management:
            for open_connection in management.get(f"/api/vhosts/{self.vhost.name}/connections").json():
                management.delete(f"/api/connections/{quote(open_connection['name'])}")
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER ROLE guarded PASSWORD '{database.replace(chr(39), chr(39) * 2)}'")
            cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'guarded'")

    def _put_user(self, name: str, password: str, tags: str) -> None:
        rights = {"configure": ".*", "write": ".*", "read": ".*"}
        with self._management() as management:
            management.put(f"/api/users/{name}", json={"password": password, "tags": tags}).raise_for_status()
            management.put(f"/api/permissions/{self.vhost.name}/{name}", json=rights).raise_for_status()

    def _management(self) -> httpx.Client:
        return httpx.Client(base_url=self.vhost.management_url, timeout=30)
