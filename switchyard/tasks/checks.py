"""Checks tasks, routes and queues: a wrong configuration stops here, with a sentence.

| id      | found                                             |
|---------|---------------------------------------------------|
| yard.E1 | tasks that no route matches                       |
| yard.E3 | a route, or a name in QUEUE_MAP, to no queue      |
| yard.E4 | a route that matches no task                      |
| yard.E5 | a queue that no route leads to                    |
| yard.E6 | limits out of order                               |
| yard.E7 | a queue name that is not one word, or is taken    |
| yard.E10| a task that is not a RoutedTask                   |
| yard.W3 | tasks that are named after their modules          |

What a task's decorator declares is checked in ``tasks.declarations``.
"""

from collections.abc import Iterator

from django.core import checks
from django.core.checks import Error

from switchyard.celery import attached, tasks
from switchyard.queues import RESERVED, QueueSpec
from switchyard.routing import (
    HOME,
    QUEUE_MAP,
    QUEUES,
    ROUTES,
    engine_routes,
    mapped_queue,
    pattern_for,
    queue_for,
)
from switchyard.tasks.base import RoutedTask
from switchyard.text import shortened

#: Characters of the names that one warning lists.
MOST_NAMES = 500


def tasks_have_a_route() -> Iterator[Error]:
    """One error for all of a module, or whatever stands before the last dot: one line routes them."""
    unrouted: dict[str, list[str]] = {}
    for name in tasks():
        if pattern_for(name) is None and queue_for(name) is None:
            module = name.rpartition(".")[0]
            unrouted.setdefault(f"{module}.*" if module else name, []).append(name)
    for pattern, names in unrouted.items():
        yield Error(
            f"No route matches {shortened(', '.join(names), MOST_NAMES)}: nobody has said where to run them.",
            hint=f'Add a line to ROUTES in {HOME}: "{pattern}": "QUEUE" with one of {", ".join(QUEUES)}.',
            obj=pattern,
            id="yard.E1",
        )


def tasks_have_a_name_of_their_own() -> Iterator[checks.Warning]:
    """One warning for all: a project that exists, and the libraries it uses, name most of theirs so."""
    named = [
        name
        for name, task in tasks().items()
        if name == attached().gen_task_name(task.run.__name__, task.run.__module__)
    ]
    if named:
        yield checks.Warning(
            f"These tasks are named after their modules: {shortened(', '.join(named), MOST_NAMES)}. "
            "Moving a module, or renaming a function, loses the messages that wait under the old name.",
            hint='Give a task a name before you move it: @shared_task(name="OLD NAME").',
            id="yard.W3",
        )


def routes_lead_to_declared_queues() -> Iterator[Error]:
    lines = [("route", *line) for line in ROUTES.items()] + [
        ("QUEUE_MAP's", *line) for line in QUEUE_MAP.items()
    ]
    for what, pattern, queue in lines:
        if queue not in QUEUES:
            yield Error(
                f"The {what} {pattern!r} leads to {queue!r}, which is not a declared queue.",
                hint=f"Declared are {', '.join(QUEUES)}. Correct the line or add a QueueSpec in {HOME}.",
                obj=pattern,
                id="yard.E3",
            )


def routes_match_a_task() -> Iterator[Error]:
    used = {pattern_for(name) for name in tasks()}
    for pattern in ROUTES:
        if pattern not in used and pattern not in engine_routes(QUEUES):
            yield Error(
                f"The route {pattern!r} decides for no task: none matches, or an earlier route wins.",
                hint=f"Remove it from ROUTES in {HOME}, or write it above the pattern that hides it.",
                obj=pattern,
                id="yard.E4",
            )


def queues_have_a_route() -> Iterator[Error]:
    routed = {queue for pattern, queue in ROUTES.items() if pattern not in engine_routes(QUEUES)}
    named = [mapped_queue(getattr(task, "queue", None)) for task in tasks().values()]
    routed |= {spec.name for spec in named if spec}
    for name in QUEUES:
        if name not in routed:
            yield Error(
                f"No route leads to the queue {name!r}, so its workers would idle for ever.",
                hint=f"Add a route to ROUTES in {HOME}, or remove the QueueSpec.",
                obj=name,
                id="yard.E5",
            )


def limits_are_in_order() -> Iterator[Error]:
    for spec in QUEUES.values():
        yield from _limits(f"queue {spec.name}", spec.soft_limit_seconds, spec.hard_limit_seconds, spec)
    said: dict[tuple[float | None, float | None, QueueSpec], list[str]] = {}
    for name, task in tasks().items():
        routed = queue_for(name)
        limits = task.soft_time_limit, task.time_limit
        if routed and limits != (routed.soft_limit_seconds, routed.hard_limit_seconds):
            said.setdefault((*limits, routed), []).append(name)
    # One for all that say the same: Celery's options task_time_limit and task_soft_time_limit say it for all.
    for (soft, hard, routed), names in said.items():
        yield from _limits(f"task {shortened(', '.join(names), MOST_NAMES)}", soft, hard, routed)


def _limits(what: str, soft: float | None, hard: float | None, spec: QueueSpec) -> Iterator[Error]:
    broker = spec.consumer_timeout_seconds
    if not soft or not hard or not soft < hard < broker or hard > spec.hard_limit_seconds:
        yield Error(
            f"The {what} has soft limit {soft} s, hard limit {hard} s and the broker takes a message back "
            f"after {broker} s; expected soft < hard < consumer timeout, and no task above its queue's "
            f"hard limit of {spec.hard_limit_seconds} s.",
            hint=f"Change the limits in {HOME} (queue), in the task's decorator or in task_time_limit.",
            obj=what,
            id="yard.E6",
        )


def queue_names_are_one_word() -> Iterator[Error]:
    for key, spec in QUEUES.items():
        if key != spec.name or not spec.name.isidentifier():
            yield Error(
                f"The queue {spec.name!r} (key {key!r}) is not one word of letters, digits and '_'. Its name "
                "is its routing key, and delayed messages for a dotted key are delivered twice.",
                hint=f"Rename it in {HOME}.",
                obj=key,
                id="yard.E7",
            )
        if spec.name in RESERVED:
            yield Error(
                f"The queue {spec.name!r} has the name of a policy of the engine's own, which would be one "
                "with the queue's.",
                hint=f"Rename it in {HOME}; {', '.join(sorted(RESERVED))} are taken.",
                obj=key,
                id="yard.E7",
            )


def tasks_are_routed_tasks() -> Iterator[Error]:
    for name, task in tasks().items():
        if not isinstance(task, RoutedTask):
            yield Error(
                f"The task {name!r} is built on {type(task).__mro__[1].__name__}, so it has no limits of its "
                "queue and its calls are not checked.",
                hint="Leave base= out of its decorator, or derive that class from switchyard.RoutedTask.",
                obj=name,
                id="yard.E10",
            )


RULES = (
    tasks_have_a_route,
    tasks_have_a_name_of_their_own,
    routes_lead_to_declared_queues,
    routes_match_a_task,
    queues_have_a_route,
    limits_are_in_order,
    queue_names_are_one_word,
    tasks_are_routed_tasks,
)
