"""The benchmark's tasks as this service has them: ``bench.io_noop``, ``bench.cpu_spin`` and so on."""

from celery import shared_task

from switchyard.routing import QUEUES
from tests.bench.work import HABITS, joined, part

for queue in QUEUES:
    for habit in HABITS:
        shared_task(name=f"bench.{queue}_{habit.__name__}")(habit)
    shared_task(name=f"bench.{queue}_part", ignore_result=False)(part)
    shared_task(name=f"bench.{queue}_joined")(joined)
