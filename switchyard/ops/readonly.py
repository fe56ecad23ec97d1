"""Shows rows in the admin that the service writes."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    StackedInline = admin.StackedInline[Any, Any]
else:
    ModelAdmin = admin.ModelAdmin
    StackedInline = admin.StackedInline


class ReadOnlyAdmin(ModelAdmin):
    """Rows that the service writes: to be read, and perhaps deleted.

        @admin.register(Event)
        class EventAdmin(ReadOnlyAdmin):
            list_display = ("id", "kind", "occurred_at")

    Django's own permissions decide who may look and who may delete.
    """

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
