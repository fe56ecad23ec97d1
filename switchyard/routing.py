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


#: For what is said of a name that means no queue.
HOW_TO_NAME_A_QUEUE = (
    f"Name one of {', '.join(QUEUES)}, or have QUEUE_MAP in {HOME} say which is meant: QUEUE_MAP = "
    f'{{"NAME": "{next(iter(QUEUES))}"}}.'
)


def mapped_queue(name: Any) -> QueueSpec | None:
    """The declared queue that ``queue=name`` means, by its name or by QUEUE_MAP; None if none is meant.

    ``name`` may also be kombu's Queue, as Celery takes it.
    """
    said = getattr(name, "name", name)
    return QUEUES.get(QUEUE_MAP.get(said, said)) if isinstance(said, str) else None


#: Task to the queue that its decorator names, as ``declare_queue`` was told.
_declared: dict[str, QueueSpec] = {}

#: Message header: the queue that its call named, where its task goes elsewhere. Its retries keep it.
QUEUE_HEADER = "call_queue"


def declare_queue(task_name: str, said: Any) -> QueueSpec | None:
    """Have a task go to the queue that its decorator names (``said``), whatever ROUTES says of its name.

    Returns that queue; None, and then ROUTES decides, if none is named or it is not declared.
    """
    spec = mapped_queue(said)
    _declared.pop(task_name, None)
    if spec:
        _declared[task_name] = spec
    return spec


def queue_of(headers: Mapping[Any, Any]) -> QueueSpec | None:
    """The queue that a message with these headers is sent to: that of its call, or else of its task."""
    return mapped_queue(headers.get(QUEUE_HEADER)) or queue_for(headers["task"])


def queue_of_key(routing_key: Any) -> str:
    """The name of the queue that a message with this routing key is in; empty if it has none.

    A delay stands before the queue's name there.
    """
    return str(routing_key or "").rpartition(".")[2]


def pattern_for(task_name: str) -> str | None:
    """The key of ROUTES that decides where ``task_name`` goes, by Celery's own order; None if none does."""
    if task_name in ROUTES:
        return task_name
    patterns = (pattern for pattern in ROUTES if "*" in pattern)
    return next((pattern for pattern in patterns if fnmatchcase(task_name, pattern)), None)


def queue_for(task_name: str) -> QueueSpec | None:
    """The queue that ``task_name`` goes to, or None if no route matches or its queue is not declared."""
    if task_name in _declared:
        return _declared[task_name]
    pattern = pattern_for(task_name)
    return QUEUES.get(ROUTES[pattern]) if pattern else None
