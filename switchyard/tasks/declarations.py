"""Checks what the decorators of tasks declare, and the settings that declare it for all of them.

| id       | found                                                        |
|----------|--------------------------------------------------------------|
| yard.E9  | a task that names another destination than a declared queue  |
| yard.E14 | a serializer, or a compression, that no worker here reads    |
| yard.E17 | a rate limit by which a worker holds messages for too long   |
"""

from collections.abc import Iterator

from celery.utils.time import rate
from django.core.checks import Error
from kombu.serialization import registry  # type: ignore[attr-defined]

from switchyard.broker.connection import broker_url
from switchyard.broker.options import replaced
from switchyard.celery import attached, tasks
from switchyard.outbox.compression import kind_of, known
from switchyard.routing import HOME, HOW_TO_NAME_A_QUEUE, mapped_queue, queue_for

JSON = "application/json"
#: Of Celery's options, those by which a project says how messages are written. Ours take their place.
WRITING = {"task_serializer", "accept_content"}


def tasks_name_declared_queues() -> Iterator[Error]:
    for name, task in tasks().items():
        queue = getattr(task, "queue", None)
        if queue is not None and mapped_queue(queue) is None:
            yield Error(
                f"The task {name!r} is declared with queue={queue!r}, which is not a declared queue: each of "
                "its calls would be refused.",
                hint=f"{HOW_TO_NAME_A_QUEUE} Or leave it out and route {name} in ROUTES ({HOME}).",
                obj=name,
                id="yard.E9",
            )
        for option in ("exchange", "routing_key"):
            if getattr(task, option, None) is not None:
                yield Error(
                    f"The task {name!r} is declared with {option}={getattr(task, option)!r}, which a delayed "
                    "retry would forget.",
                    hint=f"Remove it from the decorator and route {name} in ROUTES ({HOME}).",
                    obj=name,
                    id="yard.E9",
                )


def tasks_are_written_as_json() -> Iterator[Error]:
    for name, task in tasks().items():
        if registry.name_to_type.get(task.serializer, task.serializer) != JSON:
            yield Error(
                f"The task {name!r} is declared with serializer={task.serializer!r}, but a worker reads "
                "nothing but JSON: its messages would be dead letters.",
                hint='Leave serializer= out of its decorator, or write "json", and pass what JSON can hold: '
                "the key of a row, the path of a file.",
                obj=name,
                id="yard.E14",
            )


def settings_write_json() -> Iterator[Error]:
    broker_url()  # what is replaced is known from the first use of the configuration
    for option in sorted(replaced.keys() & WRITING):
        said = replaced[option]
        kinds = {said} if isinstance(said, str) else set(said)
        if {registry.name_to_type.get(kind, kind) for kind in kinds} != {JSON}:
            yield Error(
                f"Celery's option {option} is set to {said!r}, but a worker reads nothing but JSON, which "
                "runs no code of whoever can write to the broker.",
                hint=f"Remove {option} from Celery's configuration, and let what waits under it run before "
                "you deploy.",
                obj=option,
                id="yard.E14",
            )


def compression_is_one_that_workers_read() -> Iterator[Error]:
    declared = {f"The task {name!r}": getattr(task, "compression", None) for name, task in tasks().items()}
    for where, said in {"CELERY_TASK_COMPRESSION": attached().conf.task_compression, **declared}.items():
        if said and kind_of(said) is None:
            yield Error(
                f"{where} says compression={said!r}, which no worker here decompresses, as nothing bounds "
                "what becomes of a few kilobytes.",
                hint=f"Write {known()}, or leave it out.",
                obj=where,
                id="yard.E14",
            )


def rate_limits_fit_the_broker() -> Iterator[Error]:
    """A worker holds what waits for its turn, and the broker takes back what is held for too long."""
    for name, task in tasks().items():
        spec, per_second = queue_for(name), rate(task.rate_limit or "")
        if not spec or not per_second:
            continue
        held = spec.concurrency * spec.prefetch
        longest = round(held / per_second)
        if longest >= spec.consumer_timeout_seconds:
            yield Error(
                f"The task {name!r} has rate_limit={task.rate_limit!r}: a worker of {spec.name} holds {held} "
                f"messages, the last for {longest:,} s, but the broker takes one back after "
                f"{spec.consumer_timeout_seconds:,} s.",
                hint=f"Give it a queue of its own with few slots ({HOME}), send it by the schedule, or allow "
                "more.",
                obj=name,
                id="yard.E17",
            )


RULES = (
    tasks_name_declared_queues,
    tasks_are_written_as_json,
    settings_write_json,
    compression_is_one_that_workers_read,
    rate_limits_fit_the_broker,
)
