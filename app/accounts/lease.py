"""Effects outside the database (a mail, an HTTP request) that should happen once."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import models
from django.db.models.functions import Now

from app.queues import QUEUES

#: A claim outlives every task that can hold it, in whichever queue, so only a holder that died loses
#: it. Whoever waits for one is retried for longer than this.
LEASE = timedelta(seconds=max(spec.hard_limit_seconds for spec in QUEUES.values()) + 30)


class ClaimHeld(Exception):
    """Raised when somebody else is at the same effect, or died while being at it. Try again later."""


class Claim(models.Model):
    """A row that stands for one effect. Whoever claims it may cause the effect; nobody may when it is done.

    The claim is a column and not a row lock, because a lock needs a transaction, and with it a database
    connection, for as long as somebody else's server takes. Its time is the database's: by the clock of a
    worker that is an hour ahead every claim of another would be over.
    """

    claimed_at = models.DateTimeField(null=True, editable=False)
    done_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        abstract = True

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Hold the claim. Leaving marks the effect done; an exception gives the claim back.

        Raises ClaimHeld if it is done or held. A holder that died gives its claim back after ``LEASE``: if it
        died between the effect and this method's last query, the effect will happen a second time, and the
        receiver has to know it by the row's key.
        """
        self._take()
        try:
            yield
        except BaseException:
            self._leave(claimed_at=None)
            raise
        self._leave(done_at=Now())

    def _take(self) -> None:
        free = models.Q(claimed_at=None) | models.Q(claimed_at__lt=Now() - LEASE)
        if not self._rows().filter(free, done_at=None).update(claimed_at=Now()):
            raise ClaimHeld(f"{self} is done, or was claimed by another task less than {LEASE} ago.")
        self.claimed_at = self._rows().values_list("claimed_at", flat=True).get()

    def _leave(self, **columns: Any) -> None:
        """Only while the claim is still ours: after the lease somebody else may have it."""
        self._rows().filter(claimed_at=self.claimed_at).update(**columns)

    def _rows(self) -> models.QuerySet["Claim"]:
        rows = type(self)._default_manager  # noqa: SLF001 - an abstract model has no `objects`
        return rows.filter(pk=self.pk)
