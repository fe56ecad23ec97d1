"""What a task has put into its result's row beside its result."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from django_celery_results.models import TaskResult

from app.celery import app


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("meta", "kept"), [({"rows": 3}, {"rows": 3}), ({"rows": object}, {"not_kept": "dict"})]
)
def test_what_a_task_notes_is_kept_or_said_not_to_be(meta: Any, kept: dict[str, Any]) -> None:
    request = SimpleNamespace(meta=meta, children=[], ignore_result=False)
    app.backend.store_result("one", 1, "SUCCESS", request=request)
    found = json.loads(TaskResult.objects.get(task_id="one").meta)
    assert {name: found.get(name) for name in kept} == kept
