"""Checks whose the database is, and what this environment is told by.

| id       | found                                                  |
|----------|--------------------------------------------------------|
| yard.E21 | a colour of the environment that there is not          |
| yard.W6  | a database of another installation: all stands still   |

W6 warns: a release of a clone goes on, so that there is a web to say from what becomes of it.
"""

from collections.abc import Iterator

from django.core import checks
from django.core.checks import CheckMessage
from django.db import Error

from switchyard.conf import conf
from switchyard.identity.environment import COLOURS
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


def colour_is_known() -> Iterator[CheckMessage]:
    if conf.ENVIRONMENT_COLOUR and conf.ENVIRONMENT_COLOUR not in COLOURS:
        yield checks.Error(
            f"SWITCHYARD_ENVIRONMENT_COLOUR is {conf.ENVIRONMENT_COLOUR!r}: expected {', '.join(COLOURS)}.",
            hint="Or leave it empty: then the environment's name decides.",
            id="yard.E21",
        )


RULES = (colour_is_known,)
DATABASE_RULES = (database_is_ours,)
