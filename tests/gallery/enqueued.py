"""Functions that are tasks of Django's own API, as an app declares them that knows nothing of this one."""

import asyncio
from typing import Any

from switchyard.backend.api import tasks


@tasks.task(queue_name="io")
def add(left: int, right: int = 1) -> int:
    return left + right


@tasks.task(queue_name="cpu", takes_context=True)
def told(context: Any, name: str) -> list[Any]:
    return [name, context.attempt, context.task_result.id]


@tasks.task(queue_name="io")
def fail(reason: str) -> None:
    raise ValueError(reason)


@tasks.task(queue_name="io")
async def later(text: str) -> str:
    await asyncio.sleep(0)
    return text.upper()


@tasks.task(queue_name="io")
def hand_back(how: str) -> Any:
    return {"a tuple": (1, 2), "an object": object()}[how]


@tasks.task
def unnamed() -> str:
    """Names no queue, so that ROUTES decides."""
    return "by ROUTES"
