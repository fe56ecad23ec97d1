"""``POST /reports``, ``GET /reports/ID`` and the two downloads of a report."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse

from app.accounts.api import Problem, authenticate, endpoint, url_of
from app.accounts.body import read_form
from app.accounts.limits import of_report
from app.accounts.throttle import guard
from app.reports.canvas import start
from app.reports.forms import ReportForm
from app.reports.models import Report, State

#: About what a report takes.
RETRY_AFTER_SECONDS = 10


@endpoint("POST")
def create(request: HttpRequest) -> JsonResponse:
    owner = authenticate(request)
    fields = read_form(request, ReportForm)
    _admit(owner)
    guard("body", *of_report(owner))
    with transaction.atomic():
        report = Report.objects.create(owner=owner, **fields)
        start(report)
    return JsonResponse({**_progress(report), "url": url_of("report", report.pk)}, status=202)


@endpoint("GET", "HEAD")
def show(request: HttpRequest, report_id: UUID) -> JsonResponse:
    report = _owned(request, report_id)
    downloads = {
        "csv": url_of("report-csv", report.pk),
        "chart": url_of("report-chart", report.pk),
    }
    return JsonResponse({**_progress(report), "downloads": downloads if report.state == State.DONE else {}})


@endpoint("GET", "HEAD")
def download_csv(request: HttpRequest, report_id: UUID) -> HttpResponse:
    return _download(_finished(request, report_id).csv, "text/csv; charset=utf-8", "attachment")


@endpoint("GET", "HEAD")
def download_chart(request: HttpRequest, report_id: UUID) -> HttpResponse:
    return _download(_finished(request, report_id).chart, "image/svg+xml", "inline")


def _admit(owner: User) -> None:
    """A client that asks for a report whenever it is told of one asks for as many more as it has targets."""
    unfinished = Report.objects.unfinished().filter(owner=owner)[: settings.REPORTS_AT_ONCE].count()
    if unfinished >= settings.REPORTS_AT_ONCE:
        sentence = f"{unfinished} of your reports are not done yet, as many as are built at a time."
        raise Problem(429, {"body": [sentence]}, {"Retry-After": str(RETRY_AFTER_SECONDS)})


def _progress(report: Report) -> dict[str, Any]:
    return {
        "id": report.pk,
        "state": report.shown_state,
        "progress_percent": report.progress_percent,
    }


def _owned(request: HttpRequest, report_id: UUID) -> Report:
    """Somebody else's report is not found, rather than forbidden: it is nobody's business that it exists."""
    report = Report.objects.filter(pk=report_id, owner=authenticate(request)).first()
    if report is None:
        raise Problem(404, {"id": [f"You have no report {report_id}."]})
    return report


def _finished(request: HttpRequest, report_id: UUID) -> Report:
    report = _owned(request, report_id)
    if report.state != State.DONE:
        raise Problem(404, {"id": [f"The report is {report.shown_state}; it can be had when it is done."]})
    return report


def _download(text: str, content_type: str, disposition: str) -> HttpResponse:
    return HttpResponse(
        text,
        content_type=content_type,
        headers={
            "Content-Disposition": disposition,
            # An SVG is a document: opened in a browser it must not run or load anything.
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        },
    )
