"""Until app.once is merged."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from tests.faults.ledger.models import Claimed


@contextmanager
def once(key: str) -> Iterator[bool]:
    with transaction.atomic():
        _, first = Claimed.objects.get_or_create(key=key)
        yield first
