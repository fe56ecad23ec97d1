"""How often somebody may do what costs us, or others, something: by user, by address, and all together.

Counted in the database, so for all processes and pods together. Each limit is a bucket (GCRA): so many at
once, and as many again in an hour, evenly. What is refused is answered 429 with ``Retry-After``, counted by
``switchyard_http_requests_total{status="429"}``, and takes nothing from any bucket. A limit of 0 admits none.
"""

from dataclasses import dataclass
from math import ceil

from django.conf import settings
from django.db import connection, transaction

from app.accounts.api import Problem

HOUR_SECONDS = 3600

#: One statement, so that nobody slips in between the look and the count. The row is when its bucket is empty.
_TAKE = """
    INSERT INTO accounts_allowance AS held (key, empty_at)
    SELECT %(key)s, clock_timestamp() + %(each)s * interval '1 second'
    ON CONFLICT (key) DO UPDATE
    SET empty_at = greatest(held.empty_at, clock_timestamp()) + %(each)s * interval '1 second'
    WHERE greatest(held.empty_at, clock_timestamp()) + %(each)s * interval '1 second'
        <= clock_timestamp() + %(window)s * interval '1 second'
"""
_LEFT = """
    SELECT extract(epoch FROM empty_at - clock_timestamp()) + %(each)s - %(window)s
    FROM accounts_allowance WHERE key = %(key)s
"""


@dataclass(frozen=True, order=True)
class Bucket:
    """``who`` may do ``action`` so many times an hour."""

    action: str
    who: str
    per_hour: int

    @property
    def key(self) -> str:
        return f"{self.action} {self.who}"[:200]


class TooMany(Exception):
    """Raised when a bucket is used up. ``seconds`` until there is room for one more."""

    def __init__(self, bucket: Bucket, seconds: int) -> None:
        super().__init__(bucket, seconds)
        self.bucket = bucket
        self.seconds = seconds


def in_total(action: str) -> Bucket:
    return Bucket(action, "in total", settings.IN_TOTAL_PER_HOUR)


@transaction.atomic
def admit(*buckets: Bucket) -> None:
    """Take one from each, or from none. Raises TooMany.

    In one order, so that two who take from the same ones never wait for each other in a circle.
    """
    for bucket in sorted(buckets):
        _take(bucket)


def guard(where: str, *buckets: Bucket) -> None:
    """The same, for an endpoint. Raises Problem 429."""
    try:
        admit(*buckets)
    except TooMany as refused:
        sentence = f"Too many of these ({refused.bucket.action}). Try again in {refused.seconds} seconds."
        raise Problem(429, {where: [sentence]}, {"Retry-After": str(refused.seconds)}) from refused


def _take(bucket: Bucket) -> None:
    if bucket.per_hour <= 0:
        raise TooMany(bucket, HOUR_SECONDS)
    values: dict[str, str | float] = {
        "key": bucket.key,
        "each": HOUR_SECONDS / bucket.per_hour,
        "window": HOUR_SECONDS,
    }
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, values)
        if cursor.rowcount:
            return
        cursor.execute(_LEFT, values)
        raise TooMany(bucket, max(ceil(cursor.fetchone()[0]), 1))
