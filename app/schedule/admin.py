"""django-celery-beat's admin, without the fields that would make an entry unsendable."""

from django.contrib import admin
from django_celery_beat.admin import PeriodicTaskAdmin
from django_celery_beat.models import PeriodicTask

#: ROUTES alone decides where a task goes; a call that says otherwise is refused, and its tick with it.
ROUTING_FIELDS = {"queue", "exchange", "routing_key"}

admin.site.unregister(PeriodicTask)


@admin.register(PeriodicTask)
class EntryAdmin(PeriodicTaskAdmin):  # type: ignore[misc]
    fieldsets = tuple(
        (title, options | {"fields": tuple(name for name in options["fields"] if name not in ROUTING_FIELDS)})
        for title, options in PeriodicTaskAdmin.fieldsets
    )
