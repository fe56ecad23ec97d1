"""Lists the schedule for a person: what runs when, and when it last did."""

from typing import Any

from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Now
from django_celery_beat.models import PeriodicTask

from switchyard.schedule.due import counted_by, next_due
from switchyard.schedule.models import Clock, Refusal, Rule, Tick


def matching(entry: str = "") -> QuerySet[PeriodicTask]:
    """The entries with that in their name or their task's, by name."""
    named = Q(name__icontains=entry) | Q(task__icontains=entry)
    found: QuerySet[PeriodicTask] = PeriodicTask.objects.filter(named).order_by("name")
    return found


def worst_first(found: QuerySet[PeriodicTask]) -> QuerySet[PeriodicTask]:
    """What a person looks for among many: refused, then overdue. One that was edited just now is of those."""
    known: QuerySet[PeriodicTask] = found.alias(
        refused=Q(refusal__refused_at__gte=F("clock__edited_at")), overdue=Q(clock__due_at__lt=Now())
    )
    return known.order_by(F("refused").desc(nulls_last=True), F("overdue").desc(nulls_last=True), "name")


def listed(found: QuerySet[PeriodicTask]) -> list[dict[str, Any]]:
    """One row for each entry. Times are ISO text in UTC, or None.

    ``next_due`` may say what is wrong; ``refused`` is why the entry was not sent when it was last due.
    """
    newest = Tick.objects.filter(entry=OuterRef("name")).order_by("-due_at").values("sent_at")[:1]
    parts = ("interval", "crontab", "solar", "clocked", "rule", "clock", "refusal")
    return [_row(entry) for entry in found.select_related(*parts).annotate(last_sent=Subquery(newest))]


def _row(entry: PeriodicTask) -> dict[str, Any]:
    clock: Clock | None = getattr(entry, "clock", None)
    return {
        "entry": entry.name,
        "task": entry.task,
        "schedule": counted_by(entry),
        "enabled": entry.enabled,
        "rule": str(getattr(entry, "rule", None) or Rule()),
        "last_due": _text(clock and clock.last_due_at),
        "last_sent": _text(entry.last_sent),
        "next_due": _next_due(entry, clock) if clock else None,
        "refused": _refused(entry, clock) if clock else None,
    }


def _refused(entry: PeriodicTask, clock: Clock) -> str | None:
    refusal: Refusal | None = getattr(entry, "refusal", None)
    return str(refusal) if refusal and refusal.refused_at >= clock.edited_at else None


def _next_due(entry: PeriodicTask, clock: Clock) -> str | None:
    """As beat will have it, of which it may not have seen the last edit yet."""
    count = clock if clock.schedule == counted_by(entry) else Clock(counts_from=clock.edited_at)
    try:
        return _text(next_due(entry, count))
    except Exception as error:  # noqa: BLE001 - the list is where a mistake should be found
        return f"{type(error).__name__}: {error}"


def _text(moment: Any) -> str | None:
    return moment.isoformat() if moment else None
