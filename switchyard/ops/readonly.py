"""Shows rows in the admin that the service writes."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin import actions
from django.db import router
from django.http import HttpRequest, HttpResponse

from switchyard.ops.cascade import too_many_along
from switchyard.ops.changelist import BoundedChangeList, FirstRows
from switchyard.ops.deletion import delete_selected

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    StackedInline = admin.StackedInline[Any, Any]
else:
    ModelAdmin = admin.ModelAdmin
    StackedInline = admin.StackedInline


class BoundedAdmin(ModelAdmin):
    """Rows of which there may be millions: the list, and a deletion, cost the same as with a few.

    @admin.register(User)
    class UserAdmin(BoundedAdmin, auth.UserAdmin): ...
    """

    paginator = FirstRows
    show_full_result_count = False

    def get_changelist(self, request: HttpRequest, **_: Any) -> type[BoundedChangeList]:
        return BoundedChangeList

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None) or {}
        if "cl" in context:
            context.setdefault("subtitle", None)
            context["subtitle"] = context["subtitle"] or context["cl"].subtitle
        return response

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """With our deletion in the place of Django's; one of the project's own stays."""
        found: dict[str, Any] = super().get_actions(request)
        how, *said = found.get(delete_selected.__name__, (None,))
        ours = {delete_selected.__name__: (delete_selected, *said)} if how is actions.delete_selected else {}
        return {**found, **ours}

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Protects what would take many rows of other tables along."""
        rows = self.get_queryset(request).using(router.db_for_write(self.model))
        if sentences := too_many_along(rows.filter(pk__in=[row.pk for row in objs])):
            return [], {}, set(), sentences
        return super().get_deleted_objects(objs, request)


class ReadOnlyAdmin(BoundedAdmin):
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
