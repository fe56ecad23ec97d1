"""Has each tick of the schedule promise its effect, in beat's own transaction.

What beat forgets again, as ticks that it sent for a moment which has not come, has been sent all the same.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

# At the commit: a tick that was refused has no row by then. The time is the host's, whatever clock is wrong.
_INSTALL = """
    CREATE FUNCTION promise_tick() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO ledger_promise (key, at)
        SELECT entry || ' ' || task_id, extract(epoch FROM pg_catalog.clock_timestamp())
        FROM switchyard_schedule_tick WHERE id = NEW.id
        ON CONFLICT (key) DO NOTHING;
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER promise_tick AFTER INSERT ON switchyard_schedule_tick
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION promise_tick();
"""
_REMOVE = "DROP FUNCTION promise_tick CASCADE"


def promise_ticks() -> None:
    """From now on."""
    _execute(_INSTALL)


@contextmanager
def ticks_promised() -> Iterator[None]:
    """Until the block ends."""
    promise_ticks()
    try:
        yield
    finally:
        _execute(_REMOVE)


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
