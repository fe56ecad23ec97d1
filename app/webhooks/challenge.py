"""Registering a target: nobody is told of anything, or asked often, who has not said yes.

How many targets a user has, and a host over all users, is counted under the lock of that user and host, in
the transaction of the insert: two requests at once do not both get the last place.
"""

from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction

from app.webhooks.models import Target

#: Each target of a user multiplies the requests that one event causes.
TARGETS_PER_USER = 20
#: Over all users: whoever has the host is asked, and told, by no more of them.
TARGETS_PER_HOST = 20


class NoPlace(Exception):
    """Raised when a user, or a host, has as many targets as it may. The first argument is a sentence."""


def register(owner: User, url: str, host: str, events: list[str]) -> Target:
    """A target that has yet to answer its challenge. Raises NoPlace."""
    try:
        with transaction.atomic():
            _lock(f"owner {owner.pk}", f"host {host}")
            if Target.objects.filter(owner=owner).count() >= TARGETS_PER_USER:
                raise NoPlace(f"You have {TARGETS_PER_USER} targets, as many as are allowed.")
            if Target.objects.filter(host=host).count() >= TARGETS_PER_HOST:
                raise NoPlace(f"The host {host} has {TARGETS_PER_HOST} targets, as many as are allowed.")
            return Target.objects.create(owner=owner, url=url, host=host, events=events, confirmed_at=None)
    except IntegrityError as error:
        raise NoPlace("You have a target with this URL already.") from error


def _lock(*names: str) -> None:
    """Each to the end of the transaction, always in the same order."""
    with connection.cursor() as cursor:
        for name in sorted(names):
            cursor.execute(
                "SELECT pg_advisory_xact_lock('webhooks_target'::regclass::oid::int, hashtext(%s))", [name]
            )
