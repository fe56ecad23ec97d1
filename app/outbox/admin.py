from django.contrib import admin

from app.admin import Unedited
from app.outbox.models import Message


@admin.register(Message)
class MessageAdmin(Unedited):
    """What waits, and what is in quarantine. `python -m app outbox` requeues and discards."""

    list_display = ("id", "task", "queue", "created_at", "eta", "quarantined_at", "reason")
    list_filter = (("quarantined_at", admin.EmptyFieldListFilter),)
    search_fields = ("task_id", "task", "reason")
    show_full_result_count = False
