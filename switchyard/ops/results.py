"""Shows the results of tasks in the admin, of which a service has millions before they expire.

In the place of django-celery-results' own pages, whose filters and search read all of them. A project's own
pages stay.
"""

from typing import Any

from celery.states import ALL_STATES
from django.contrib import admin
from django_celery_results.admin import GroupResultAdmin, TaskResultAdmin
from django_celery_results.models import GroupResult, TaskResult

from switchyard.celery import tasks
from switchyard.ops.changelist import Choice
from switchyard.ops.payload import HiddenPayload
from switchyard.ops.readonly import BoundedAdmin

# Their attributes have types of their own, which no other value of Django's fits.
Tasks: Any = TaskResultAdmin
Groups: Any = GroupResultAdmin


class StateFilter(Choice):
    title = "state"
    parameter_name = "status"
    choices_of = tuple(sorted(ALL_STATES))


class TaskFilter(Choice):
    """Of the tasks that there are."""

    title = "task"
    parameter_name = "task_name"

    @property
    def choices_of(self) -> list[str]:  # type: ignore[override]
        return list(tasks())


class BoundedTaskResultAdmin(HiddenPayload, BoundedAdmin, Tasks):  # type: ignore[misc]
    payload = ("task_args", "task_kwargs", "result", "traceback", "meta")
    date_hierarchy = None
    list_filter = (StateFilter, "date_done", TaskFilter)
    # Each has an index, for the whole value.
    search_fields = ("task_id__exact", "task_name__exact", "periodic_task_name__exact", "worker__exact")
    search_help_text = (
        "A whole task id, or the whole name of a task, of an entry of the schedule or a worker."
    )


class BoundedGroupResultAdmin(HiddenPayload, BoundedAdmin, Groups):  # type: ignore[misc]
    payload = ("result",)
    date_hierarchy = None
    search_fields = ("group_id__exact",)
    search_help_text = "A whole group id."


def register(site: admin.AdminSite) -> None:
    for model, theirs, ours in (
        (TaskResult, TaskResultAdmin, BoundedTaskResultAdmin),
        (GroupResult, GroupResultAdmin, BoundedGroupResultAdmin),
    ):
        if site.is_registered(model) and type(site.get_model_admin(model)) is theirs:
            site.unregister(model)
            site.register(model, ours)
