"""The ledger's tasks under stock settings, with effects that nothing claims."""

from typing import Any

from tests.faults.ledger import tasks
from tests.faults.stock import stock
from tests.faults.stock.late import late
from tests.polling import wait_for


def work(task: Any, key: str, seconds: float = 0) -> None:
    with tasks.execution(task, key):
        tasks.time.sleep(seconds)
        tasks.effect(key)


def outlast(task: Any, key: str, until: str) -> None:
    with tasks.execution(task, key):
        wait_for(until)
        tasks.effect(key)


def tick(task: Any, key: str) -> None:
    with tasks.execution(task, key):
        tasks.effect(f"{key} {task.request.id}")


for app in (stock, late):
    for habit in (work, outlast, tick, tasks.fail, tasks.retry, tasks.crash):
        app.task(name=f"{app.main}.{habit.__name__}", bind=True, shared=False)(habit)
