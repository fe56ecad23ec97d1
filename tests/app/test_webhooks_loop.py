"""Webhooks that come back to the service: whoever does that asks for no more than anybody may."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from app.reports.models import Report
from app.reports.tasks import combine, count_part
from app.webhooks.events import record
from app.webhooks.models import Delivery, DeliveryState, Event, Kind, Target
from app.webhooks.post import body_of
from app.webhooks.tasks import deliver
from switchyard.pytest_plugin import SentTasks
from tests.app.conftest import Person
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)


def finish(report: Report) -> None:
    count_part.apply((str(report.pk), 0)).get()
    combine.apply((str(report.pk),)).get()


def test_a_target_that_is_the_service_itself_is_told_once_and_does_nothing(
    ada: Person, receiver: Receiver, sent_tasks: SentTasks
) -> None:
    """Each of its addresses that takes a POST refuses a delivery, with an answer that is not tried again."""
    Target.objects.create(owner=ada.user, url=receiver.url, events=Kind.values)
    paths = ["/signup", "/reports", "/webhooks", "/nowhere", "/admin/login/"]
    for path in paths:
        record(Kind.REPORT_DONE, {"report_id": "0b0c6d3a"}, owner=ada.user)
        delivery = Delivery.objects.get(state=DeliveryState.WAITING)
        own = Client(enforce_csrf_checks=True).post(path, body_of(delivery), "application/json")
        receiver.answers = [own.status_code]
        sent_tasks.run_all()
    assert set(Delivery.objects.values_list("state", "attempts")) == {(DeliveryState.REFUSED, 1)}
    counts = [model.objects.count() for model in (Event, Target, Report, User)]
    assert counts == [len(paths), 1, 0, 1]


def test_reports_that_are_asked_for_at_each_report_do_not_multiply(
    ada: Person, receiver: Receiver, settings: Any, sent_tasks: SentTasks
) -> None:
    """Three targets, each of which asks for another report: 3, 9, 27 and so on without a bound."""
    settings.REPORTS_AT_ONCE = 4
    for number in range(3):
        Target.objects.create(owner=ada.user, url=f"{receiver.url}/{number}", events=[Kind.REPORT_DONE])
    answers = [ada.post("/reports", {"days": 1})]
    for _ in range(3):
        for report in Report.objects.unfinished():
            finish(report)
        told = [sent for sent in sent_tasks if sent.task == deliver.name]
        sent_tasks.clear()
        for sent in told:
            sent.run()
        answers += [ada.post("/reports", {"days": 1}) for _ in told]
        assert Report.objects.unfinished().count() <= 4
    assert {answer.status_code for answer in answers} == {202, 429}
    [refused, *_] = [answer for answer in answers if answer.status_code == 429]
    assert int(refused["Retry-After"]) > 0
    assert "not done yet" in refused.json()["errors"]["body"][0]
