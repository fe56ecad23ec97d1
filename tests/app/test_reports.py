"""Reports: asked for, counted, combined, mailed, downloaded."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4
from xml.etree import ElementTree as ET

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.reports.models import MOST_PARTS, OVERDUE_AFTER, Part, Report
from app.reports.tasks import PartMissing, combine, count_part, give_up, mail_link
from app.webhooks.models import Delivery, Event, Target
from switchyard.pytest_plugin import SentTasks
from tests.app.conftest import Person
from tests.mailbox import Mailbox

MOMENTS = st.datetimes(datetime(2001, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - as Hypothesis has it
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.fixture
def report(ada: Person) -> Report:
    return Report.objects.create(owner=ada.user, days=13)


def happened(kind: str, *days_ago: int) -> None:
    for days in days_ago:
        Event.objects.create(kind=kind, occurred_at=TODAY - timedelta(days=days))


def run(task: Any, *args: Any) -> None:
    task.apply(args).get()


def finish(report: Report) -> None:
    for index in range(report.part_count):
        run(count_part, str(report.pk), index)
    run(combine, str(report.pk))


def test_a_report_is_sent_in_parts_to_the_computing_queue(
    ada: Person, sent_tasks: SentTasks, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        answer = ada.post("/reports", {"days": 30})
    assert answer.status_code == 202
    assert (answer.json()["state"], answer.json()["progress_percent"]) == ("queued", 0)
    assert [(sent.task, sent.queue, sent.args) for sent in sent_tasks] == [
        ("reports.count_part", "cpu", [answer.json()["id"], index]) for index in range(10)
    ]


def test_a_report_of_one_day_has_one_part(
    ada: Person, sent_tasks: SentTasks, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        ada.post("/reports", {"days": 1})
    assert [sent.task for sent in sent_tasks] == ["reports.count_part"]


@pytest.mark.parametrize("days", [0, 367, 1.5, "7", True, None, [7]])
def test_days_are_a_whole_number_from_1_to_366(ada: Person, days: Any) -> None:
    answer = ada.post("/reports", {"days": days})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["days"]


@given(days=st.integers(1, 366), created_at=MOMENTS)
def test_the_parts_cover_the_days_without_gap_or_overlap(days: int, created_at: datetime) -> None:
    report = Report(days=days, created_at=created_at)
    slices = [report.slice(index) for index in range(report.part_count)]
    assert 1 <= len(slices) <= MOST_PARTS
    assert all(start.hour == start.minute == 0 for start, _ in slices)
    assert all(end == start for (_, end), (start, _) in pairwise(slices))
    assert slices[0][0].date().isoformat() == report.dates()[0]
    assert slices[-1][1] == created_at
    assert report.dates()[-1] == created_at.date().isoformat()


def test_every_event_of_the_period_is_counted_once(report: Report, ada: Person) -> None:
    happened("user.signed_up", 0, 1, 12, 12, 13)
    happened("report.done", 12)
    finish(report)
    answer = ada.get(f"/reports/{report.pk}/events.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    day = report.dates()
    assert answer.content.decode().splitlines() == [
        "date,kind,events",
        f"{day[0]},report.done,1",
        f"{day[0]},user.signed_up,2",
        f"{day[-2]},user.signed_up,1",
        f"{day[-1]},user.signed_up,1",
    ]
    parts = [
        number for part in Part.objects.all() for kinds in part.counts.values() for number in kinds.values()
    ]
    assert sum(parts) == 5


@pytest.mark.parametrize("days", [1, 13])
def test_the_chart_is_a_drawing_that_names_no_other_host(ada: Person, days: int) -> None:
    happened("user.signed_up", 0)
    report = Report.objects.create(owner=ada.user, days=days)
    finish(report)
    answer = ada.get(f"/reports/{report.pk}/chart.svg")
    assert answer.headers["Content-Type"] == "image/svg+xml"
    svg = answer.content.decode()
    tags = [element.tag.rpartition("}")[2] for element in ET.fromstring(svg).iter()]  # noqa: S314 - our own
    assert "path" in tags or "circle" in tags
    assert "script" not in tags
    for namespace in ("http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"):
        svg = svg.replace(namespace, "")
    assert "//" not in svg
    assert "@import" not in svg


def test_progress_counts_the_parts_and_the_combining(report: Report, ada: Person) -> None:
    def shown() -> tuple[str, int]:
        answer = ada.get(f"/reports/{report.pk}").json()
        return answer["state"], answer["progress_percent"]

    assert shown() == ("queued", 0)
    run(count_part, str(report.pk), 0)
    assert shown() == ("running", 9)
    finish(report)
    assert shown() == ("done", 100)


def test_a_finished_report_says_where_its_downloads_are(report: Report, ada: Person) -> None:
    assert ada.get(f"/reports/{report.pk}").json()["downloads"] == {}
    assert ada.get(f"/reports/{report.pk}/events.csv").status_code == 404
    finish(report)
    downloads = ada.get(f"/reports/{report.pk}").json()["downloads"]
    assert [ada.get(downloads[name]).status_code for name in ("csv", "chart")] == [200, 200]


def test_a_report_is_found_by_its_owner_only(report: Report, bob: Person) -> None:
    finish(report)
    for path in ("", "/events.csv", "/chart.svg"):
        assert bob.get(f"/reports/{report.pk}{path}").status_code == 404


def test_a_part_that_runs_twice_is_counted_once(report: Report) -> None:
    run(count_part, str(report.pk), 0)
    happened("user.signed_up", 12)
    run(count_part, str(report.pk), 0)
    assert Part.objects.get().counts == {}


def test_a_report_that_is_combined_twice_is_done_once(report: Report) -> None:
    finish(report)
    before = Report.objects.get(pk=report.pk)
    run(combine, str(report.pk))
    assert Report.objects.get(pk=report.pk).finished_at == before.finished_at
    assert Event.objects.filter(kind="report.done").count() == 1


def test_a_finished_report_is_told_to_the_targets_of_its_owner(
    report: Report, ada: Person, bob: Person
) -> None:
    for person in (ada, bob):
        Target.objects.create(owner=person.user, url="https://example.com/", events=["report.done"])
    finish(report)
    delivery = Delivery.objects.get()
    assert (delivery.target.owner, delivery.event.data) == (ada.user, {"report_id": str(report.pk)})


def test_a_report_with_a_missing_part_waits_for_it(report: Report) -> None:
    run(count_part, str(report.pk), 0)
    with pytest.raises(PartMissing, match="has 1 of 10 parts"):
        run(combine, str(report.pk))
    assert not Event.objects.exists()


def test_the_link_is_mailed_once_and_not_the_report(report: Report, mailbox: Mailbox) -> None:
    run(mail_link, str(report.pk))
    run(mail_link, str(report.pk))
    assert [mail["To"] for mail in mailbox.mails] == ["ada@example.com"]
    assert f"/reports/{report.pk}\r\n" in mailbox.mails[0].get_content()


def test_giving_up_fails_a_report_unless_it_is_done(report: Report, ada: Person) -> None:
    run(give_up, str(report.pk))
    assert ada.get(f"/reports/{report.pk}").json()["state"] == "failed"
    finish(report)
    run(give_up, str(report.pk))
    assert ada.get(f"/reports/{report.pk}").json()["state"] == "done"


def test_a_report_that_nobody_works_on_any_more_is_shown_as_failed(report: Report, ada: Person) -> None:
    Report.objects.update(created_at=timezone.now() - OVERDUE_AFTER)
    assert ada.get(f"/reports/{report.pk}").json()["state"] == "failed"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(report_id=st.uuids().map(str), index=st.integers(0, MOST_PARTS))
def test_a_report_that_was_deleted_is_nothing_to_do(db: None, report_id: str, index: int) -> None:
    run(count_part, report_id, index)
    for task in (combine, mail_link, give_up):
        run(task, report_id)


def test_a_report_that_does_not_exist_is_not_found(ada: Person) -> None:
    answer = ada.get(f"/reports/{uuid4()}")
    assert answer.status_code == 404
    assert "You have no report" in answer.json()["errors"]["id"][0]
