"""Background work of reports, in the order in which it happens."""

from typing import Any

from celery import shared_task
from django.db import OperationalError, transaction
from django.db.models import Count
from django.db.models.functions import TruncDate
from django.utils import timezone

from app.accounts.api import url_of
from app.accounts.mail import TRANSIENT, send_once
from app.reports.drawing import Counts, draw_chart, draw_csv
from app.reports.models import UNFINISHED, Part, Report, State
from app.webhooks.events import record
from app.webhooks.models import Event, Kind


class PartMissing(Exception):
    """Raised when a report is combined before all its parts are there."""


# A chord waits for the results of its parts.
@shared_task(name="reports.count_part", ignore_result=False, autoretry_for=(OperationalError,))
def count_part(report_id: str, index: int) -> None:
    """Count the events of one slice of a report's period.

    Idempotent: the slice is fixed by the report, and its row is unique; a part that exists is not counted
    again. A report that has been deleted is left alone.
    """
    report = Report.objects.filter(pk=report_id).defer("csv", "chart").first()
    if report is None or report.parts.filter(index=index).exists():
        return
    Report.objects.filter(pk=report_id, state=State.QUEUED).update(state=State.RUNNING)
    counts = _count(report, index)
    Part.objects.bulk_create([Part(report=report, index=index, counts=counts)], ignore_conflicts=True)


@shared_task(name="reports.combine", autoretry_for=(OperationalError, PartMissing))
def combine(report_id: str) -> None:
    """Put the parts together, draw the CSV and the chart, and record ``report.done``.

    Idempotent: the report's row is locked, and one that is done is left alone.
    """
    with transaction.atomic():
        report = Report.objects.select_for_update().filter(pk=report_id).first()
        if report is None or report.state == State.DONE:
            return
        counts, dates = _combined(report), report.dates()
        report.csv, report.chart = draw_csv(dates, counts), draw_chart(dates, counts)
        report.state, report.finished_at = State.DONE, timezone.now()
        report.save(update_fields=["csv", "chart", "state", "finished_at"])
        record(Kind.REPORT_DONE, {"report_id": str(report.pk)}, owner=report.owner)


@shared_task(name="reports.mail_link", autoretry_for=TRANSIENT, max_retries=10, retry_backoff=5)
def mail_link(report_id: str) -> None:
    """Tell the owner by mail where the report is.

    Idempotent: the letter "report ID" is sent once; see ``app.accounts.mail.send_once``.
    """
    report = Report.objects.filter(pk=report_id).select_related("owner").defer("csv", "chart").first()
    if report is None:
        return
    send_once(
        report.owner,
        f"report {report.pk}",
        "Your report is ready",
        f"The report over {report.days} days is at\n\n    {url_of('report', report.pk)}\n\n"
        "(with your token, as all requests).\n",
    )


@shared_task(name="reports.give_up", autoretry_for=(OperationalError,))
def give_up(report_id: str) -> None:
    """Mark a report as failed, when one of its steps failed for good.

    Idempotent: sets a constant. A report that is done stays so: the failed step was its mail.
    """
    Report.objects.filter(pk=report_id, state__in=UNFINISHED).update(
        state=State.FAILED, finished_at=timezone.now()
    )


def _count(report: Report, index: int) -> Counts:
    start, end = report.slice(index)
    counts: Counts = {}
    events = Event.objects.filter(occurred_at__gte=start, occurred_at__lt=end)
    rows: Any = events.annotate(date=TruncDate("occurred_at")).values_list("date", "kind")
    for date, kind, number in rows.annotate(number=Count("pk")):
        counts.setdefault(date.isoformat(), {})[kind] = number
    return counts


def _combined(report: Report) -> Counts:
    """The counts of all parts; no date is in two of them. Raises PartMissing."""
    parts = list(report.parts.all())
    if len(parts) < report.part_count:
        raise PartMissing(f"{report} has {len(parts)} of {report.part_count} parts.")
    return {date: kinds for part in parts for date, kinds in part.counts.items()}
