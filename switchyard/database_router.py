"""Has Django read the engine's tables from the database that they are written to.

A project's router may send reads to a replica. What a relay, beat, ``once`` or a result reads there is as old
as the replica is behind, and a row cannot be locked there. So the routers of the project are not asked for
these reads; for writes they are, and ``check`` refuses one that sends them elsewhere (yard.E13).
"""

from typing import Any

from django.db import DEFAULT_DB_ALIAS, router
from django.db.models import Model

#: Apps whose tables the engine's own statements and transactions are on.
OWN_APPS = {"switchyard", "django_celery_beat", "django_celery_results"}


class OwnTables:
    """A router of Django's, to be asked before those of the project."""

    def db_for_read(self, model: type[Model], **_: Any) -> str | None:
        label = model._meta.app_label  # noqa: SLF001 - documented
        return DEFAULT_DB_ALIAS if label in OWN_APPS else None


def install() -> None:
    """Ask this router first, unless it is there already.

    Not by DATABASE_ROUTERS, where every project would have to name it.
    """
    routers: list[Any] = router.routers
    if not any(isinstance(each, OwnTables) for each in routers):
        routers.insert(0, OwnTables())
