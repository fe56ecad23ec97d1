"""Switchyard: the background work of a Django service on separate RabbitMQ queues, with nothing lost.

What a project uses is imported from here; all else is the engine's own.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from switchyard.celery import attach
    from switchyard.database import delete_in_batches, released_database
    from switchyard.ops.readonly import BoundedAdmin, ReadOnlyAdmin
    from switchyard.outage import BrokerAway
    from switchyard.outbox.errors import TaskCallError
    from switchyard.outbox.sending import send_on_commit
    from switchyard.postgresql.mixin import DatabaseMixin
    from switchyard.postgresql.url import database_from_url
    from switchyard.queues import QueueSpec
    from switchyard.schedule.entry import Missed, ScheduleEntry
    from switchyard.tasks.base import RoutedTask
    from switchyard.tasks.once import once

__all__ = [
    "BoundedAdmin",
    "BrokerAway",
    "DatabaseMixin",
    "Missed",
    "QueueSpec",
    "ReadOnlyAdmin",
    "RoutedTask",
    "ScheduleEntry",
    "TaskCallError",
    "attach",
    "database_from_url",
    "delete_in_batches",
    "once",
    "released_database",
    "send_on_commit",
]

_HOMES = {
    "BoundedAdmin": "switchyard.ops.readonly",
    "BrokerAway": "switchyard.outage",
    "DatabaseMixin": "switchyard.postgresql.mixin",
    "Missed": "switchyard.schedule.entry",
    "QueueSpec": "switchyard.queues",
    "ReadOnlyAdmin": "switchyard.ops.readonly",
    "RoutedTask": "switchyard.tasks.base",
    "ScheduleEntry": "switchyard.schedule.entry",
    "TaskCallError": "switchyard.outbox.errors",
    "attach": "switchyard.celery",
    "database_from_url": "switchyard.postgresql.url",
    "delete_in_batches": "switchyard.database",
    "once": "switchyard.tasks.once",
    "released_database": "switchyard.database",
    "send_on_commit": "switchyard.outbox.sending",
}


def __getattr__(name: str) -> Any:
    """On first use: a queues module is imported before Django's models may be, a task module after."""
    if name not in _HOMES:
        raise AttributeError(f"module 'switchyard' has no public name {name!r}")
    found = getattr(import_module(_HOMES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
