"""Slows a worker down that the broker lets in and does not let consume, or does not let in at all.

Celery connects again at once, five times a second, and writes each refusal down, for ever: a password that
was changed under it, a vhost that is gone, a queue of another type.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import structlog
from amqp.exceptions import AccessRefused, NotAllowed, PreconditionFailed, ResourceError
from celery.exceptions import WorkerShutdown
from celery.worker import state
from celery.worker.consumer import Consumer
from django.db import Error
from django.db import connection as database

from switchyard.broker.claim import OthersVhost, look, remedy
from switchyard.broker.connection import (
    AGREE,
    GRANT,
    RAISE_THE_LIMIT,
    is_of_tls,
    is_over_limit,
    lacks_right,
)
from switchyard.conf import conf
from switchyard.installation import identity
from switchyard.outage import UNAVAILABLE, first_line

#: Between two attempts, when refused and otherwise: a broker that restarts is there again in seconds.
LONGEST_REFUSED_SECONDS = 30.0
LONGEST_SECONDS = 5.0
LOOK_SECONDS = 0.1

#: What waiting does not mend, as a rule: the log-in, the vhost, a queue as it is declared.
LASTING = (AccessRefused, NotAllowed, PreconditionFailed)

log = structlog.get_logger("switchyard.tasks")


class PatientConsumer(Consumer):
    """Celery's consumer, with a growing pause before it connects again, until it consumes.

    A connection that is lost while it consumes is replaced at once, as before. A worker that is refused for
    WAIT_SECONDS ends as one that starts then would, with exit code 3, when what it runs has ended.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._failures = 0
        self._refused_since: float | None = None
        self._said = ""
        self._identity = ""

    def connect(self) -> Any:
        """Celery's, to no vhost of another installation's."""
        connection = super().connect()
        try:
            look(connection, self._known_identity())
        except BaseException:
            connection.close()
            raise
        return connection

    def ensure_connected(self, conn: Any) -> Any:
        """Celery's tries again for ever, 2 to 30 s apart, and writes each down; not where to change it."""
        conn.ensure_connection = partial(self._ensured, conn.ensure_connection)
        return super().ensure_connected(conn)

    def _ensured(
        self, ensure: Callable[..., Any], told: Callable[..., Any], *args: Any, **options: Any
    ) -> Any:
        def tell(error: Exception, interval: float) -> None:
            told(error, interval)
            self._say_of_tls(error)

        return ensure(tell, *args, **options)

    def _say_of_tls(self, error: Exception) -> None:
        said = first_line(error)
        if said != self._said and is_of_tls(error):
            self._said = said
            log.error("tls_refused", reason=said, remedy=AGREE)

    def loop_args(self) -> Any:
        """Celery's hook right before its loop: all is declared, and the worker consumes."""
        self._failures, self._refused_since, self._said = 0, None, ""
        return super().loop_args()

    def on_connection_error_before_connected(self, exc: Exception) -> None:
        """Celery's only writes it down."""
        self._pause(exc)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        super().on_connection_error_after_connected(exc)
        self._pause(exc)

    def _known_identity(self) -> str:
        """Asked for once: a connection that was lost is replaced while the database is away, too."""
        if not self._identity:
            try:
                self._identity = identity()
            except Error as error:
                log.warning("vhost_not_looked_at", reason=first_line(error))
            # No child is to be forked with it.
            database.close()
        return self._identity

    def _pause(self, error: Exception) -> None:
        lasting = _is_lasting(error)
        said = f"{type(error).__name__}: {first_line(error)}"
        if said != self._said and (lasting or self._failures):
            self._said = said
            log.error("consuming_refused", reason=said, remedy=_remedy(error))
        self._refused_since = (self._refused_since or time.monotonic()) if lasting else None
        longest = LONGEST_REFUSED_SECONDS if lasting else LONGEST_SECONDS
        seconds = min(longest, 2.0**self._failures - (0 if lasting else 1))
        self._failures += 1
        _wait(seconds, self._give_up if lasting else lambda: None)

    def _give_up(self) -> None:
        if self._refused_since and time.monotonic() - self._refused_since > conf.WAIT_SECONDS:
            log.error("gave_up", after_seconds=conf.WAIT_SECONDS, reason=self._said)
            raise WorkerShutdown(UNAVAILABLE)


def _wait(seconds: float, look: Callable[[], None]) -> None:
    """A worker that is told to stop does."""
    until = time.monotonic() + seconds
    while True:
        state.maybe_shutdown()
        look()
        if time.monotonic() >= until:
            return
        time.sleep(LOOK_SECONDS)


def _is_lasting(error: Exception) -> bool:
    """Whether it is so until somebody changes it. Of the limits only that of one connection's channels is:
    py-amqp counts them, and they are agreed on with the broker as the connection is made.
    """
    return isinstance(error, ResourceError) or (isinstance(error, LASTING) and not is_over_limit(error))


def _remedy(error: Exception) -> str:
    if is_over_limit(error):
        return RAISE_THE_LIMIT
    if lacks_right(error):
        return GRANT
    if not isinstance(error, LASTING):
        return ""
    if isinstance(error, OthersVhost):
        return remedy()
    if isinstance(error, PreconditionFailed):
        return f"`{conf.COMMAND} topology check` says what is not as this release declares it, and what to do"
    return "correct BROKER_URL, or the user, its rights and the vhost on the broker"
