"""Loads the queues and routes of the service, as its queues module declares them.

The setting ``SWITCHYARD_QUEUES`` names that module. It holds ``QUEUES``, queue name to ``QueueSpec``, and
``ROUTES``, task-name pattern to queue name, and may hold ``QUEUE_MAP``, the name that a queue had before to
that of a declared one. What the engine's own tasks need is added here.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from switchyard.conf import declared_module
from switchyard.queues import QueueSpec

_module = declared_module()

#: The file to write a queue or a route into.
HOME = f"{_module.__name__.replace('.', '/')}.py"

#: Queue name to what is declared of it; the first is where Celery's own tasks and the engine's go.
QUEUES: dict[str, QueueSpec] = _module.QUEUES


def engine_routes(queues: Mapping[str, QueueSpec]) -> dict[str, str]:
    """Where the engine's tasks run: each canary in its queue, and the rest in the first."""
    canaries = {spec.canary_task: spec.name for spec in queues.values()}
    return canaries | dict.fromkeys(("switchyard.*", "celery.*"), next(iter(queues)))


#: Task-name pattern to queue name. A name without ``*`` wins over a pattern; of the patterns the first wins.
ROUTES: dict[str, str] = _module.ROUTES
for _pattern, _queue in engine_routes(QUEUES).items():
    ROUTES.setdefault(_pattern, _queue)


#: What `queue=` may say beside the name of a declared queue, to that name.
QUEUE_MAP: dict[str, str] = getattr(_module, "QUEUE_MAP", {})


def mapped_queue(name: Any) -> QueueSpec | None:
    """The declared queue that ``queue=name`` means, by its name or by QUEUE_MAP; None if none is meant.

    ``name`` may also be kombu's Queue, as Celery takes it.
    """
    said = getattr(name, "name", name)
    return QUEUES.get(QUEUE_MAP.get(said, said)) if isinstance(said, str) else None


def pattern_for(task_name: str) -> str | None:
    """The key of ROUTES that decides where ``task_name`` goes, by Celery's own order; None if none does."""
    if task_name in ROUTES:
        return task_name
    patterns = (pattern for pattern in ROUTES if "*" in pattern)
    return next((pattern for pattern in patterns if fnmatchcase(task_name, pattern)), None)


def queue_for(task_name: str) -> QueueSpec | None:
    """The queue that ``task_name`` is routed to, or None if no route matches or its queue is not declared."""
    pattern = pattern_for(task_name)
    return QUEUES.get(ROUTES[pattern]) if pattern else None


def queue_name(task_name: str) -> str:
    """The name of that queue, or an empty one."""
    spec = queue_for(task_name)
    return spec.name if spec else ""
