from django.db.backends.postgresql import base

from app.outbox import sending


class DatabaseWrapper(base.DatabaseWrapper):
    def commit(self) -> None:
        """Insert what was kept for the outbox and commit both. An error of either rolls both back.

        Both in one round trip; there is nothing left for the driver to commit then.

        Not an on_commit hook, which runs after the commit and may never run; and not an INSERT at each call,
        which a request that sends to twenty webhooks would wait for twenty times.
        """
        sending.commit_kept(self)
        super().commit()
