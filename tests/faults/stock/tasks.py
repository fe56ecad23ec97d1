"""The ledger's tasks under stock settings, with effects that nothing claims."""

from typing import Any

from tests.faults.ledger import tasks
from tests.faults.stock import stock


@stock.task(name="stock.work", bind=True, shared=False)
def work(task: Any, key: str, seconds: float = 0) -> None:
    with tasks.execution(task, key):
        tasks.time.sleep(seconds)
        tasks.effect(key)


@stock.task(name="stock.tick", bind=True, shared=False)
def tick(task: Any, key: str) -> None:
    with tasks.execution(task, key):
        tasks.effect(f"{key} {task.request.id}")


for habit in (tasks.fail, tasks.retry, tasks.crash):
    stock.task(name=f"stock.{habit.__name__}", bind=True, shared=False)(habit)
