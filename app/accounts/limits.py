"""The limits of this service: who may do what, how often."""

from django.conf import settings
from django.contrib.auth.models import User

from app.accounts.throttle import Bucket, in_total

#: Mails that somebody gets because others enter the address.
MAILS_PER_HOUR = 5
#: By how much a name may be tried more often than an address: who tries it from everywhere must not lock out
#: the one it belongs to, and gets this far.
NAME_OVER_ADDRESS = 5


def of_signup(address: str, email: str) -> list[Bucket]:
    return [
        Bucket("sign-up", address, settings.SIGNUPS_PER_HOUR),
        Bucket("sign-up", email, MAILS_PER_HOUR),
        in_total("sign-up"),
    ]


def of_report(user: User) -> list[Bucket]:
    return [Bucket("report", f"user {user.pk}", settings.REPORTS_PER_HOUR), in_total("report")]


def of_webhook(user: User) -> list[Bucket]:
    return [Bucket("webhook", f"user {user.pk}", settings.WEBHOOKS_PER_HOUR), in_total("webhook")]


def of_login(address: str, name: str) -> list[Bucket]:
    per_hour = settings.LOGINS_PER_HOUR
    return [
        Bucket("log-in", address, per_hour),
        Bucket("log-in", f"as {name}", per_hour * NAME_OVER_ADDRESS),
        in_total("log-in"),
    ]
