"""Runs the role ``release``: prepares database and broker for the code that comes, before it comes."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection

from switchyard.conf import conf
from switchyard.identity.installation import identity, installation, write
from switchyard.outage import Unavailable, first_line
from switchyard.postgresql.locks import LocksNotFree, bounded_locks
from switchyard.process import dependencies
from switchyard.process.exposure import refuse_exposed
from switchyard.process.turn import Turn
from switchyard.sqlstate import is_away, missing_extension

#: Each a command of Django's, or a verb of ours, and its arguments.
STEPS = (
    ("migrate", "--noinput"),
    ("switchyard", "topology", "apply"),
    ("switchyard", "schedule", "sync"),
    ("check", "--deploy", f"--database={DEFAULT_DB_ALIAS}"),
)


class Release(BaseCommand):
    help = (
        "Prepare a release: migrate, apply the broker topology, sync the schedule, check for deployment. "
        "Exit code: 0 done (twice is harmless), 1 a check or a migration failed, 2 usage, 3 run it again: "
        "something is away, locks that a migration needs are held, or another release runs."
    )

    def handle(self, **_: Any) -> None:
        refuse_exposed()
        dependencies.database_server()
        dependencies.broker()
        with Turn() as turn:
            dependencies.wait_for("its turn", turn.take, "MIGRATION_WAIT_SECONDS")
            for step in STEPS:
                heading = " ".join(step).removeprefix("switchyard ")
                self.stdout.write(self.style.MIGRATE_HEADING(f"== {heading}"))
                run(step)
                if step[0] == "migrate":
                    self.sign()

    def sign(self) -> None:
        """Write into the database whose it is, unless it is another's: the check at the end says that."""
        found, own = identity(), installation()
        if found is None or (own.owns(found) and not own.is_as_written(found)):
            self.stdout.write(
                f"The database is of {write('release')}" + (f", and was of {found}." if found else ".")
            )


def run(step: tuple[str, ...]) -> None:
    """Raises Unavailable for what may go well another time, and CommandError for what the server lacks."""
    try:
        with bounded_locks(conf.MIGRATION_WAIT_SECONDS) as locks:
            locks.tried(lambda: call_command(*step))
    except LocksNotFree as held:
        raise Unavailable(
            f"Gave up after {conf.MIGRATION_WAIT_SECONDS} s (MIGRATION_WAIT_SECONDS): what is needed is "
            f"locked by {held}. What was done is kept. Wait for that session, or end it (SELECT "
            f"pg_terminate_backend(PID)), and run `{conf.COMMAND} release` again."
        ) from held
    except DatabaseError as error:
        if lacks := missing_extension(error):
            raise CommandError(_without_extension(lacks)) from error
        if not is_away(error):
            raise
        raise Unavailable(
            f"The database was lost, or takes no writes ({first_line(error)}). What was done is kept: run "
            f"`{conf.COMMAND} release` again."
        ) from error


def _without_extension(name: str) -> str:
    """As of a PostgreSQL from a wheel, which brings few, where a migration creates one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(name, ', ' ORDER BY name) FROM pg_available_extensions")
        has = cursor.fetchone()[0]
    return (
        f"The PostgreSQL at {connection.settings_dict['HOST']}:{connection.settings_dict['PORT']} has no "
        f"extension {name!r} to create (it has {has}). Install it there (a package as postgresql-contrib or "
        "postgresql-18-postgis-3 has it), or set DATABASE_URL to a server that has it."
    )
