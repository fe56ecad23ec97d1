"""Checks whose the database is.

| id       | found                                                  |
|----------|--------------------------------------------------------|
| yard.W6  | a database of another installation: all stands still   |

It warns: a release of a clone goes on, so that there is a web to say from what becomes of it.
"""

from collections.abc import Iterator

from django.core import checks
from django.core.checks import CheckMessage
from django.db import Error

from switchyard.conf import conf
from switchyard.identity.installation import foreign


def database_is_ours() -> Iterator[CheckMessage]:
    try:
        found = foreign()
    except Error:
        # Away, or before the first migration.
        return
    if found:
        yield checks.Warning(
            found,
            hint=f"A clone: `{conf.COMMAND} adopt-database discard` or `hold`. An installation that was "
            "renamed, or whose broker moved: `keep`. Otherwise correct DATABASE_URL.",
            id="yard.W6",
        )


RULES = ()
DATABASE_RULES = (database_is_ours,)
