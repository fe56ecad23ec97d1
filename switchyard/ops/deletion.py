"""Deletes chosen rows in the admin by their number, in batches: Django's own lists and holds them all."""

import time
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin, action, helpers
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.admin.utils import model_ngettext
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db import router, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from switchyard.ops import timeouts
from switchyard.ops.changelist import COUNTED
from switchyard.ops.numbers import whole_number

#: Rows that are named on the page, and rows of one transaction.
PREVIEWED = 10
BATCH_ROWS = 100


@action(permissions=["delete"], description="Delete selected %(verbose_name_plural)s")
def delete_selected(
    page: "ModelAdmin[Any]", request: HttpRequest, chosen: QuerySet[Any]
) -> HttpResponse | None:
    """The first POST says how many; the second deletes at most so many, the oldest first.

    One request works for as long as somebody waits for a page, and says what is left. What may be deleted
    along, and what protects a row, Django finds out for each batch.
    """
    in_order = chosen.order_by("pk")
    confirmed = whole_number(request.POST.get("count", "")) if request.POST.get("post") else None
    if confirmed is None:
        return _confirmation(page, request, in_order)
    deleted = _delete(page, request, in_order[: min(confirmed, COUNTED)])
    name = model_ngettext(page.opts, deleted)
    if deleted:
        _write_down(page, request, f"{deleted:,} {name}")
    if deleted == confirmed:
        messages.success(request, f"Deleted {deleted:,} {name}.")
    else:
        messages.warning(
            request, f"Deleted {deleted:,} of {confirmed:,} {name}. What is left can be chosen again."
        )
    return None


def _confirmation(page: "ModelAdmin[Any]", request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse:
    count = rows[:COUNTED].count()
    first = rows[:PREVIEWED]
    listed, _, lacking, protected = page.get_deleted_objects(first, request)
    context = {
        **page.admin_site.each_context(request),
        "title": f"Delete {count:,} {model_ngettext(page.opts, count)}?",
        "opts": page.opts,
        "media": page.media,
        "count": count,
        "more": count == COUNTED,
        "first": first,
        "listed": listed,
        "lacking": lacking,
        "protected": protected,
        "across": request.POST.get("select_across", "0"),
        # Of rows that were chosen one by one there are no more than a page has.
        "keys": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
        "key_name": helpers.ACTION_CHECKBOX_NAME,
    }
    return TemplateResponse(request, "switchyard/delete_selected.html", context)


def _delete(page: "ModelAdmin[Any]", request: HttpRequest, rows: QuerySet[Any]) -> int:
    """How many. Raises PermissionDenied."""
    deadline = time.monotonic() + timeouts.ACT_SECONDS
    keys = list(rows.values_list("pk", flat=True))
    deleted = 0
    for start in range(0, len(keys), BATCH_ROWS):
        deleted += _delete_batch(page, request, keys[start : start + BATCH_ROWS])
        if time.monotonic() >= deadline:
            break
    return deleted


def _delete_batch(page: "ModelAdmin[Any]", request: HttpRequest, keys: list[Any]) -> int:
    with transaction.atomic(using=router.db_for_write(page.model)):
        batch = page.get_queryset(request).filter(pk__in=keys)
        # Read once: what is counted, asked for and deleted are the same rows.
        count = len(batch)
        _, _, lacking, protected = page.get_deleted_objects(batch, request)
        if lacking:
            raise PermissionDenied
        if protected or not count:
            return 0
        page.delete_queryset(request, batch)
    return count


def _write_down(page: "ModelAdmin[Any]", request: HttpRequest, what: str) -> None:
    """One entry of the admin's history, where Django writes one for each row."""
    LogEntry.objects.create(
        user_id=str(request.user.pk),
        content_type=ContentType.objects.get_for_model(page.model),
        object_repr=what,
        action_flag=DELETION,
    )
