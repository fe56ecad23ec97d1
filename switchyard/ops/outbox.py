"""Shows on a page what waits for the relay, and requeues or discards what the broker refused."""

from collections.abc import Callable
from typing import Any

import structlog
from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from switchyard.ops.audit import note
from switchyard.ops.numbers import WholeNumber, whole_number
from switchyard.ops.overview import OUTBOX
from switchyard.ops.pages import demand, page, shown
from switchyard.ops.reading import Question, Reading, of_database
from switchyard.ops.verdict import of_outbox
from switchyard.outbox import quarantine
from switchyard.outbox.models import Message
from switchyard.outbox.quarantine import Filters, quarantined

LISTED = 100
PREVIEWED = 10
#: Rows that one request changes, in one transaction.
AT_ONCE = 1000

#: What is done, by the word of the address: the permission for it, how, and what it is called afterwards.
DEEDS: dict[str, tuple[str, Callable[[Filters], int], str]] = {
    "requeue": ("replay", quarantine.requeue, "Requeued"),
    "discard": ("discard", quarantine.discard, "Discarded"),
}

log = structlog.get_logger("switchyard.ops")


class Filter(forms.Form):
    """Which quarantined messages are meant. What is left empty matches everything."""

    id = WholeNumber(required=False, min_value=1, label="Number")
    task = forms.CharField(required=False, max_length=255, help_text="a part of its name")
    reason = forms.CharField(required=False, max_length=255, help_text="a part of it")


class Deed(Filter):
    count = WholeNumber(min_value=1)
    typed = forms.CharField(required=False)


@page("GET")
def outbox(request: HttpRequest) -> HttpResponse:
    form = Filter(request.GET)
    waiting = OUTBOX.begin()
    held = _held(form, LISTED) if form.is_valid() else None
    read = waiting()
    context: dict[str, Any] = {
        "form": form,
        "query": request.GET.urlencode(),
        "sources": [each for each in (read, held) if each],
        "waiting": read.value and read.value[0],
        "verdict": of_outbox(read),
    }
    if held and held.value:
        context["count"], context["rows"] = held.value
    return shown(request, "outbox", "Outbox", context)


def _held(form: Filter, most: int) -> Reading[tuple[int, list[Message]]]:
    """How many are meant of those in quarantine, and the first."""

    def read() -> tuple[int, list[Message]]:
        return quarantined(_meant(form)).count(), list(quarantined(_meant(form, most)))

    return Question("the quarantine (PostgreSQL)", of_database(read)).ask()


@page("GET", "POST")
def confirm(request: HttpRequest, verb: str) -> HttpResponse:
    """GET says how many and which; POST does it with at most so many, the oldest first."""
    permission, do, did = DEEDS[verb]
    demand(request, permission)
    form = Deed(request.POST) if request.method == "POST" else Filter(request.GET)
    if form.is_valid() and request.method != "POST":
        return _preview(request, verb, form)
    if not form.is_valid():
        messages.error(request, "Nothing was done: what came was not the form of that page. Look again.")
        return redirect("admin:switchyard_outbox")
    counted = form.cleaned_data["count"]
    if verb == "discard" and whole_number(form.cleaned_data["typed"]) != counted:
        trouble = f"Nothing was discarded: type the number {counted} to confirm."
        return _preview(request, verb, form, trouble)
    done = do(_meant(form, min(counted, AT_ONCE)))
    note(verb, "messages in quarantine", who=request.user.get_username(), before=counted, after=done)
    log.info("quarantine_changed", verb=verb, count=done, by=request.user.get_username())
    messages.success(request, f"{did} {done:,} of {counted:,} messages.")
    return redirect("admin:switchyard_outbox")


def _preview(request: HttpRequest, verb: str, form: Filter, trouble: str = "") -> HttpResponse:
    held = _held(form, PREVIEWED)
    count, rows = held.value or (None, [])
    context = {
        "verb": verb,
        "form": form,
        "count": count,
        "rows": rows,
        "at_once": AT_ONCE,
        "trouble": trouble or held.trouble,
    }
    return shown(request, "quarantine", f"{verb.capitalize()} quarantined messages", context)


def _meant(form: Filter, limit: int | None = None) -> Filters:
    wanted = form.cleaned_data
    keys = (wanted["id"],) if wanted.get("id") else ()
    return Filters(keys, wanted.get("task", ""), wanted.get("reason", ""), limit)
