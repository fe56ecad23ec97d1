from django.contrib import admin

from app.admin import Unedited
from app.deadletters.models import Action


@admin.register(Action)
class ActionAdmin(Unedited):
    list_display = ("at", "verb", "task", "task_id", "queue", "reason", "died_at", "by")
    list_filter = ("verb", "queue", "reason", "at")
    search_fields = ("task", "task_id", "by")
