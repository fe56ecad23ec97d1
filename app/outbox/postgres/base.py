from django.db.backends.postgresql import base

from app.outbox import sending


class DatabaseWrapper(base.DatabaseWrapper):
    def commit(self) -> None:
        """Insert what was kept for the outbox, then commit both. An error of either rolls both back.

        Not an on_commit hook, which runs after the commit and may never run; and not an INSERT at each call,
        which a request that sends to twenty webhooks would wait for twenty times.
        """
        sending.insert_kept(self)
        super().commit()
