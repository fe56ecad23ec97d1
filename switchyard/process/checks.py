"""Checks what the roles need: Celery's options, database and schedule.

| id       | found                                             |
|----------|---------------------------------------------------|
| yard.E8  | a schedule entry whose task does not exist        |
| yard.E12 | a database backend that leaves the outbox behind  |
| yard.E13 | a router that sends our tables elsewhere          |
| yard.W1  | an option of Celery's that a promise overrules    |
| yard.W4  | a result backend of the project's own             |
"""

from collections.abc import Iterator
from typing import Any

from celery.app.backends import by_url
from celery.exceptions import ImproperlyConfigured
from django.apps import apps
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.db import DEFAULT_DB_ALIAS, connections, router

from switchyard.broker.connection import broker_url
from switchyard.broker.options import OF_A_QUEUE, REQUIRED, ROUTING, replaced
from switchyard.celery import attached, tasks
from switchyard.conf import conf
from switchyard.database_router import OWN_APPS
from switchyard.postgresql.mixin import DatabaseMixin
from switchyard.redaction import redacted
from switchyard.routing import HOME
from switchyard.schedule.sync import SCHEDULE
from switchyard.tasks.declarations import WRITING
from switchyard.tasks.results import ResultBackend


def celery_options_hold() -> Iterator[CheckMessage]:
    broker_url()  # what is replaced is known from the first use of the configuration
    for option in sorted(replaced.keys() - WRITING):
        said = replaced[option]
        ours = f" is {REQUIRED[option]!r} here" if option in REQUIRED else f" follows from {HOME}"
        yield checks.Warning(
            f"Celery's option {option} is set to {said!r}, which does not hold: it{ours}.",
            hint=f"Remove {option} from Celery's configuration; {_why(option)}.",
            obj=option,
            id="yard.W1",
        )


def _why(option: str) -> str:
    if option in OF_A_QUEUE:
        return f"a worker takes it from the QueueSpec of its queue ({HOME})"
    if option in ROUTING:
        return f"write QUEUES, ROUTES and QUEUE_MAP in {HOME}"
    return "a promise of the engine rests on it"


def result_backend_keeps_our_promises() -> Iterator[CheckMessage]:
    said = attached().conf.result_backend
    if not _is_ours(said):
        yield checks.Warning(
            f"Celery's option result_backend is {redacted(str(said))!r}, which keeps results as it says. "
            "What rests on ours does not hold with it: a task whose chain or chord meets a broker or a "
            "database that is away fails, instead of running again; a part of a chord that runs twice may "
            "count twice; a lost run is not noted; and the list of dead letters shows no errors.",
            hint="Remove result_backend from Celery's configuration (results are then rows of "
            "django-celery-results), or silence yard.W4 (SILENCED_SYSTEM_CHECKS) if you need none of it.",
            obj="result_backend",
            id="yard.W4",
        )


def _is_ours(said: Any) -> bool:
    """Ours, or derived from it. One whose library is not there is somebody else's."""
    try:
        found: Any = by_url(said, attached().loader)
        return issubclass(found[0], ResultBackend)
    except (ImportError, ImproperlyConfigured):
        return False


def database_commits_the_outbox() -> Iterator[Error]:
    database = connections[DEFAULT_DB_ALIAS]
    if not isinstance(database, DatabaseMixin):
        yield Error(
            f"The database's ENGINE is {database.settings_dict['ENGINE']!r}, whose commit does not take the "
            "outbox along: a task could be lost after the commit of what it belongs to.",
            hint="Give DATABASES['default'] the ENGINE 'switchyard.postgresql', or derive your "
            "own DatabaseWrapper from switchyard.DatabaseMixin and your backend's "
            "(switchyard/postgresql/mixin.py).",
            id="yard.E12",
        )


def engine_tables_are_written_to_one_database() -> Iterator[Error]:
    for label in sorted(OWN_APPS):
        elsewhere = {router.db_for_write(model) for model in apps.get_app_config(label).get_models()}
        for alias in sorted(elsewhere - {DEFAULT_DB_ALIAS}):
            yield Error(
                f"A database router sends writes to tables of {label} to {alias!r}, but they are in one "
                f"transaction with what is on {DEFAULT_DB_ALIAS!r}.",
                hint=f"Have db_for_write() in DATABASE_ROUTERS return None or {DEFAULT_DB_ALIAS!r} for "
                f"models whose app_label is {label!r}.",
                obj=label,
                id="yard.E13",
            )


def schedule_entries_have_a_task() -> Iterator[Error]:
    known = tasks()
    for name, entry in SCHEDULE.items():
        if entry.task not in known:
            yield Error(
                f"The schedule entry {name!r} names the task {entry.task!r}, which does not exist.",
                hint=f"Correct it in SCHEDULE ({HOME}); `{conf.COMMAND} routes` lists the tasks.",
                obj=name,
                id="yard.E8",
            )


RULES = (
    celery_options_hold,
    result_backend_keeps_our_promises,
    database_commits_the_outbox,
    engine_tables_are_written_to_one_database,
    schedule_entries_have_a_task,
)
