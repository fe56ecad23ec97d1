from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern, path

from app.admin import Unedited
from app.ops import deadletters, outbox, queues, schedule
from app.ops.models import Operations
from app.ops.pages import allowed


@admin.register(Operations)
class OperationsAdmin(Unedited):
    """The pages, where the admin would have a list of rows."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return allowed(request, "view")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return allowed(request, "view")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        acts = ("replay", "discard")
        return [
            path("", queues.queues, name="ops_operations_changelist"),
            path("dead-letters/", deadletters.listed, name="ops_deadletters"),
            *(
                path(f"dead-letters/{verb}/", deadletters.confirm, {"verb": verb}, f"ops_deadletters_{verb}")
                for verb in acts
            ),
            path("dead-letters/of/<str:task_id>/", deadletters.one, name="ops_deadletter"),
            path("schedule/", schedule.schedule, name="ops_schedule"),
            path("schedule/run-now/", schedule.run_now, name="ops_run_now"),
            path("outbox/", outbox.outbox, name="ops_outbox"),
            *(
                path(f"outbox/{verb}/", outbox.confirm, {"verb": verb}, f"ops_outbox_{verb}")
                for verb in outbox.DEEDS
            ),
        ]
