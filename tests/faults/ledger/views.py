"""Requests that promise something."""

import json
import time

from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from app.celery import app
from tests.faults.ledger import tasks as _  # noqa: F401 - so that app.tasks has them by name
from tests.faults.ledger.models import Promise
from tests.faults.stock import stock
from tests.faults.stock import tasks as _stock_tasks  # noqa: F401


@csrf_exempt
def promise(request: HttpRequest) -> JsonResponse:
    """``{"key", "task", "kwargs", "options", "more"}``: the promise and its task, in one transaction.

    ``more``: as many others with it, each under a key of its own.
    """
    wanted = json.loads(request.body)
    tasks = stock.tasks if wanted["task"].startswith("stock.") else app.tasks
    others = [f"{wanted['key']}-{number}" for number in range(wanted.get("more", 0))]
    with transaction.atomic():
        for key in (wanted["key"], *others):
            Promise.objects.create(key=key, at=time.time())
            task, options = tasks[wanted["task"]], wanted.get("options", {})
            task.apply_async_on_commit((key,), wanted.get("kwargs", {}), **options)
    return JsonResponse({"key": wanted["key"]}, status=202)


def answer(request: HttpRequest) -> JsonResponse:
    """``?status=500&seconds=1.5``: answered so, after so long."""
    time.sleep(float(request.GET.get("seconds", 0)))
    return JsonResponse({}, status=int(request.GET.get("status", 200)))
