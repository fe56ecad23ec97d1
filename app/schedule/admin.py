"""django-celery-beat's admin, without the fields that would make an entry unsendable; rules and ticks."""

from django.contrib import admin
from django_celery_beat.admin import PeriodicTaskAdmin
from django_celery_beat.models import PeriodicTask

from app.admin import StackedInline, Unedited
from app.schedule.models import Rule, Tick

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


@admin.register(Tick)
class TickAdmin(Unedited):
    list_display = ("entry", "due_at", "sent_at", "task_id")
    list_filter = ("entry", "due_at")
    search_fields = ("entry", "task_id")
    ordering = ("-due_at",)
