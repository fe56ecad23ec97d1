"""Shows the schedule on a page: when each entry was and will be sent, how late; and sends one now."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from switchyard.celery import attached
from switchyard.ops.audit import note
from switchyard.ops.format import count
from switchyard.ops.pages import demand, page, shown
from switchyard.ops.reading import Question, Reading, of_database
from switchyard.ops.verdict import Verdict
from switchyard.outbox.errors import TaskCallError
from switchyard.schedule.call import EntryRefused, send_now
from switchyard.schedule.listing import listed, matching, worst_first

#: Rows on the page, which asks for itself every 10 s: a project has an entry for each of its tenants.
LISTED = 100


#: Beat looks every 2 s, and a standby takes over within 10.
OVERDUE_SECONDS = 12
#: How many there are, and the first of them.
Rows = tuple[int, list[dict[str, Any]]]


class Filter(forms.Form):
    entry = forms.CharField(required=False, max_length=200, help_text="a part of its name, or of its task's")


class Named(forms.Form):
    """One entry by its whole name, whatever that is."""

    entry = forms.CharField(max_length=200, strip=False)


@page("GET")
def schedule(request: HttpRequest) -> HttpResponse:
    form = Filter(request.GET)
    asked = _asked(form.cleaned_data["entry"] if form.is_valid() else "").ask()
    context = {"form": form, "sources": [asked], "verdict": _verdict(asked)}
    if asked.value:
        context["count"], context["rows"] = asked.value
    return shown(request, "schedule", "Schedule", context)


def _asked(entry: str) -> Question[Rows]:
    def read() -> Rows:
        found = matching(entry)
        rows = listed(worst_first(found)[:LISTED])
        return found.count(), [row | {"overdue": _overdue(row), "late": _late(row)} for row in rows]

    return Question("the schedule (PostgreSQL)", of_database(read))


def _verdict(asked: Reading[Rows]) -> Verdict:
    if asked.value is None:
        return Verdict("bad", f"Not known: {asked.trouble}")
    _, rows = asked.value
    refused = sum(bool(row["refused"]) for row in rows)
    overdue = sum((row["overdue"] or 0.0) > OVERDUE_SECONDS for row in rows)
    if refused or overdue:
        return Verdict("bad", f"{count(refused)} entries are refused, {count(overdue)} are overdue.")
    return Verdict("good", "No entry is overdue or refused.")


@page("POST")
def run_now(request: HttpRequest) -> HttpResponse:
    """Beside its schedule, and whether it is enabled or not."""
    demand(request, "replay")
    form = Named(request.POST)
    name = form.cleaned_data["entry"] if form.is_valid() else ""
    found = PeriodicTask.objects.filter(name=name)
    for entry in found:
        try:
            task_id = send_now(entry, attached())
        except (EntryRefused, TaskCallError) as refusal:
            messages.error(request, f"{name} was not sent: {refusal}")
        else:
            said = f"Sent now, as task {task_id}."
            note("run_now", entry.name, who=request.user.get_username(), after={"task": str(task_id)})
            LogEntry.objects.log_actions(str(request.user.pk), [entry], CHANGE, said, single_object=True)
            messages.success(request, f"{name} was sent as task {task_id}.")
    if not found:
        messages.error(request, f"There is no entry {name!r} any more.")
    return redirect("admin:switchyard_schedule")


def _overdue(row: dict[str, Any]) -> float | None:
    """Seconds since it was due and not sent; None if that is still to come, or cannot be said."""
    due = _moment(row["next_due"])
    seconds = (timezone.now() - due).total_seconds() if due else 0.0
    return seconds if seconds > 0 else None


def _late(row: dict[str, Any]) -> float | None:
    """Seconds from the last due time to when it was sent; None if that one was not sent."""
    due, sent = _moment(row["last_due"]), _moment(row["last_sent"])
    return (sent - due).total_seconds() if due and sent and sent >= due else None


def _moment(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
