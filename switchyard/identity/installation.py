"""Compares the identity in the database with these settings: a clone must not act as what it is a clone of.

Production copied to staging has production's waiting messages and ticks; a relay that finds them sends them,
with staging's settings, to real customers. So a release writes into the database whose it is, and who sends,
schedules or runs stands still where the settings are of another installation.

Where both have a name (SWITCHYARD_ENVIRONMENT) the names decide: a broker may move, be replaced or have an
alias without a word. Where one has none, the broker does: its host and vhost, neither user, password nor
port, which are changed without a move. Not PostgreSQL's own number of the cluster: an upgrade by pg_upgrade
changes it, and a clone from a snapshot keeps it. A database without an identity is nobody's, and is adopted.
"""

import time
from dataclasses import dataclass

from switchyard.broker.address import address
from switchyard.broker.connection import broker_url
from switchyard.conf import conf
from switchyard.identity.models import DatabaseIdentity, described

LOOPBACK = {"127.0.0.1", "::1"}
#: In the BROKER_URL of a role that is not to know the broker, as web and beat are in Kubernetes.
UNKNOWN = "none/"
#: How old an answer may be.
TRUSTED_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Installation:
    """What these settings are of. ``brokers``: of a URL with alternatives each; none if it is not known."""

    environment: str
    brokers: tuple[str, ...]

    def owns(self, identity: DatabaseIdentity) -> bool:
        if self.environment and identity.environment:
            return self.environment == identity.environment
        # Who has nothing to tell it by leaves it to the relay, which sends, and knows its broker.
        return not self.brokers or identity.broker in self.brokers

    def is_as_written(self, identity: DatabaseIdentity) -> bool:
        return self.environment == identity.environment and identity.broker in self.brokers

    def __str__(self) -> str:
        return described(self.environment, *self.brokers[:1])


class Unnamed(ValueError):
    """These settings have neither an environment's name nor a broker."""

    def __init__(self) -> None:
        super().__init__(
            "These settings name neither an ENVIRONMENT nor a broker, so that nobody could say whose the "
            "database is. Name the environment, or run this where the broker is known, as in the relay."
        )


def installation() -> Installation:
    """Raises ValueError for a BROKER_URL that names no host."""
    places = map(_place, filter(None, broker_url().split(";")))
    return Installation(conf.ENVIRONMENT, tuple(place for place in places if place != UNKNOWN))


def identity() -> DatabaseIdentity | None:
    """Raises django.db.Error."""
    return DatabaseIdentity.objects.order_by("-pk").first()


def write(by: str) -> DatabaseIdentity:
    """Have the database be that of these settings. Raises Unnamed."""
    own = installation()
    if not (own.environment or own.brokers):
        raise Unnamed
    broker = "".join(own.brokers[:1])
    return DatabaseIdentity.objects.create(environment=own.environment, broker=broker, written_by=by)


def foreign() -> str:
    """Why the database is not that of these settings, and what to do; or empty. Raises django.db.Error."""
    found = identity()
    # Before the settings are read: where nothing is written nothing is asked of them.
    if found is None or (own := installation()).owns(found):
        return ""
    return (
        f"This database is of {found}, since {found.at:%Y-%m-%d %H:%M} UTC, and these settings are of {own}. "
        "Nothing is sent, scheduled or run until somebody says what becomes of what is in it: "
        f"`{conf.COMMAND} adopt-database show`."
    )


class Ownership:
    """The same, asked again and again. Not shared between threads."""

    def __init__(self) -> None:
        self._until = 0.0
        self._sentence = ""

    def foreign(self) -> str:
        """Raises django.db.Error, after which the next call asks again."""
        if time.monotonic() >= self._until:
            self._until = 0.0
            self._sentence = foreign()
            self._until = time.monotonic() + TRUSTED_SECONDS
        return self._sentence

    def forget(self) -> None:
        """After a lost connection: the next may be to another database."""
        self._until = 0.0


def _place(url: str) -> str:
    """``host/vhost``, without what may change while it stays the same broker."""
    where = address(url)
    host = where.host.lower().rstrip(".")
    return f"{'localhost' if host in LOOPBACK else host}/{where.vhost.removeprefix('/')}"
