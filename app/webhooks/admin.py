from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from app.webhooks.models import Delivery, DeliveryState, Event, Target
from app.webhooks.tasks import deliver
from switchyard import BoundedAdmin, ReadOnlyAdmin

#: Deliveries that one request sends again, in one transaction.
AT_ONCE = 1000


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("id", "kind", "occurred_at", "data")
    list_filter = ("kind", "occurred_at")


@admin.register(Target)
class TargetAdmin(BoundedAdmin):
    """A target is registered by its owner through the API; here it can be switched off."""

    list_display = ("url", "owner", "events", "state", "failing_since", "created_at")
    list_filter = ("active", "created_at")
    list_select_related = ("owner",)
    search_fields = ("url", "owner__username")
    fields = ("url", "owner", "events", "active", "confirmed_at", "failing_since", "trouble", "created_at")
    readonly_fields = tuple(name for name in fields if name != "active")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ("id", "event", "target", "state", "attempts", "last_status", "last_error", "done_at")
    list_filter = ("state", "event__kind", "created_at")
    list_select_related = ("event", "target")
    search_fields = ("id", "target__url", "last_error")
    actions = ("deliver_again",)

    def has_deliver_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("webhooks.change_delivery")

    @admin.action(permissions=["deliver"], description="Deliver again (failed and refused ones)")
    def deliver_again(self, request: HttpRequest, chosen: QuerySet[Delivery]) -> None:
        """Sends each once more; those that were delivered, or are on their way, are left alone."""
        with transaction.atomic():
            rows = chosen.filter(state__in=[DeliveryState.FAILED, DeliveryState.REFUSED])
            locked = rows.order_by("created_at").select_for_update(of=("self",))
            keys = list(locked.values_list("pk", flat=True)[:AT_ONCE])
            Delivery.objects.filter(pk__in=keys).update(
                state=DeliveryState.WAITING, claimed_at=None, done_at=None
            )
            for key in keys:
                deliver.delay_on_commit(str(key))  # type: ignore[attr-defined]
        most = f" At most {AT_ONCE:,} are at a time: choose again for more." if len(keys) == AT_ONCE else ""
        messages.info(request, f"{len(keys)} deliveries are sent again.{most}")
