"""How many sign-ups an address may try in an hour, counted in the database for all web processes."""

from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings
from django.db import connection, transaction
from django.http import HttpRequest
from django.utils import timezone

from app.accounts.models import SignUp

WINDOW = timedelta(hours=1)


class TooManySignUps(Exception):
    """Raised when an address has used up its sign-ups. The first argument is the seconds until the next."""


@transaction.atomic
def admit(address: str) -> None:
    """Count one sign-up for ``address``. Raises TooManySignUps."""
    _wait_for_others_from(address)
    since = timezone.now() - WINDOW
    recent = SignUp.objects.filter(address=address, created_at__gt=since).order_by("-created_at")
    # The newest of those that must leave the window before there is room for another one.
    blocking = recent[max(settings.SIGNUPS_PER_HOUR - 1, 0) :].first()
    if blocking:
        raise TooManySignUps(int((blocking.created_at - since).total_seconds()) + 1)
    SignUp.objects.create(address=address)


def client_address(request: HttpRequest) -> str:
    """Where a request comes from: an IPv4 address, or an IPv6 /64, which is what one customer is given.

    Behind a proxy (TRUST_PROXY) it is the last entry of X-Forwarded-For, the only one the proxy wrote.
    """
    address = request.META.get("REMOTE_ADDR", "")
    if settings.TRUST_PROXY:
        address = request.headers.get("X-Forwarded-For", address).rpartition(",")[2].strip()
    try:
        known = ip_address(address)
    except ValueError:
        return "unknown"
    return str(ip_network((known, 64), strict=False)) if isinstance(known, IPv6Address) else str(known)


def _wait_for_others_from(address: str) -> None:
    """Counting and inserting must not interleave; different addresses do not wait for each other.

    Nor do two of these services in one database: the lock is that of an address in a table.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock('accounts_signup'::regclass::oid::int, hashtext(%s))", [address]
        )
