from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from app.admin import Unedited
from app.deadletters.models import Action


@admin.register(Action)
class ActionAdmin(Unedited):
    """What was done stays written down: neither changed nor deleted."""

    list_display = ("at", "verb", "task", "task_id", "queue", "reason", "died_at", "by")
    list_filter = ("verb", "queue", "reason", "at")
    search_fields = ("task", "task_id", "by")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
