"""System checks of the outbox.

| id       | found                                             |
|----------|---------------------------------------------------|
| yard.E12 | a database backend that leaves the outbox behind  |
"""

from collections.abc import Iterator

from django.core.checks import Error
from django.db import DEFAULT_DB_ALIAS, connections

from switchyard.outbox.commit import OutboxCommit


def database_commits_the_outbox() -> Iterator[Error]:
    database = connections[DEFAULT_DB_ALIAS]
    if not isinstance(database, OutboxCommit):
        yield Error(
            f"The database's ENGINE is {database.settings_dict['ENGINE']!r}, whose commit does not take the "
            "outbox along: a task could be lost after the commit of what it belongs to.",
            hint="Give DATABASES['default'] the ENGINE 'switchyard.postgresql', or derive your "
            "own DatabaseWrapper from switchyard.OutboxCommit.",
            id="yard.E12",
        )


RULES = (database_commits_the_outbox,)
