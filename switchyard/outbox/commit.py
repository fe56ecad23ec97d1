"""Has a database backend's commit take the outbox along."""

from typing import Any

from switchyard.outbox import sending


class OutboxCommit:
    """For a backend of PostgreSQL's of the project's own (PostGIS, tenants): the first of its bases.

        class DatabaseWrapper(OutboxCommit, postgis.base.DatabaseWrapper): ...

    Everybody else's ENGINE is ``switchyard.postgresql``.
    """

    def commit(self: Any) -> None:
        """Insert what was kept for the outbox and commit both. An error of either rolls both back.

        Both in one round trip; there is nothing left for the driver to commit then.

        Not an on_commit hook, which runs after the commit and may never run; and not an INSERT at each call,
        which a request that sends to twenty webhooks would wait for twenty times.
        """
        sending.commit_kept(self)
        super().commit()  # type: ignore[misc]
