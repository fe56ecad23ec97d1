"""django-celery-beat's admin, without the fields that would make an entry unsendable; rules and ticks."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django_celery_beat.admin import PeriodicTaskAdmin
from django_celery_beat.models import PeriodicTask

from app.admin import StackedInline, Unedited
from app.celery import app
from app.schedule.call import EntryRefused, send_now
from app.schedule.models import Rule, Tick
from app.tasks.errors import TaskCallError

#: ROUTES alone decides where a task goes; a call that says otherwise is refused, and its tick with it.
ROUTING_FIELDS = {"queue", "exchange", "routing_key"}

admin.site.unregister(PeriodicTask)


class RuleInline(StackedInline):
    model = Rule


@admin.register(PeriodicTask)
class EntryAdmin(PeriodicTaskAdmin):  # type: ignore[misc]
    fieldsets = tuple(
        (title, options | {"fields": tuple(name for name in options["fields"] if name not in ROUTING_FIELDS)})
        for title, options in PeriodicTaskAdmin.fieldsets
    )
    inlines = (RuleInline,)

    @admin.action(description="Run selected tasks")
    def run_tasks(self, request: HttpRequest, chosen: QuerySet[PeriodicTask]) -> None:
        """Send each now, beside its schedule. Through the outbox: web never talks to the broker."""
        for entry in chosen:
            try:
                task_id = send_now(entry, app)
            except (EntryRefused, TaskCallError) as refusal:
                messages.error(request, f"{entry.name}: {refusal}")
            else:
                messages.info(request, f"{entry.name} was sent as task {task_id}.")


@admin.register(Tick)
class TickAdmin(Unedited):
    list_display = ("entry", "due_at", "sent_at", "task_id")
    list_filter = ("entry", "due_at")
    search_fields = ("entry", "task_id")
    ordering = ("-due_at",)
