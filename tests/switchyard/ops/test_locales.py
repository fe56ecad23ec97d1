"""A page means the rows that it shows, in whatever language and zone of time it is read."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone, translation

from app.celery import app
from switchyard.deadletters.models import Job
from switchyard.ops.numbers import whole_number
from switchyard.outbox.models import Message

#: Language, zone, and how people write twelve thousand there.
LOCALES = [
    ("de", "Europe/Berlin", "12.000"),
    ("fr", "America/Montreal", "12\N{NO-BREAK SPACE}000"),
    ("ar", "Africa/Cairo", "12.000"),
    ("en-IN", "Asia/Kolkata", "12,000"),
    ("en", "UTC", "12,000"),
]
DISCARD = "/admin/switchyard/operations/outbox/discard/"


@pytest.fixture(params=LOCALES, ids=[each[0] for each in LOCALES])
def locale(request: pytest.FixtureRequest, settings) -> Iterator[str]:
    language, zone, number = request.param
    settings.USE_THOUSAND_SEPARATOR = True
    settings.LANGUAGE_CODE = language
    settings.TIME_ZONE = zone
    with translation.override(language), timezone.override(zone):
        yield number


@pytest.fixture
def client(transactional_db: None, client: Client) -> Client:
    client.force_login(User.objects.create_superuser("on-call"))
    return client


@pytest.fixture
def refused(transactional_db: None) -> None:
    """Rows 12 and 12000 of the outbox, which the broker refused."""
    for number in (12, 12_000):
        app.tasks["gallery.io_wait"].delay_on_commit(f"row {number}", 0)
    # Out of the way first: the next number of the table may be one of these.
    Message.objects.update(id=F("id") + 1_000_000, quarantined_at=Now(), reason="NO_ROUTE")
    for number, message in zip((12, 12_000), Message.objects.order_by("pk"), strict=True):
        Message.objects.filter(pk=message.pk).update(id=number)


def hidden(page: str) -> dict[str, str]:
    """What the page's form sends back."""
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    return {name: value for name, value in fields if name != "csrfmiddlewaretoken"}


@pytest.mark.usefixtures("locale", "refused")
def test_what_is_deleted_is_what_the_page_showed(client: Client) -> None:
    page = client.get(DISCARD, {"id": "12000"}).content.decode()
    sent = hidden(page)
    assert (sent["id"], sent["count"]) == ("12000", "1")
    client.post(DISCARD, {**sent, "typed": "1"})
    assert list(Message.objects.values_list("pk", flat=True)) == [12]


@pytest.mark.usefixtures("refused")
def test_a_number_is_read_as_it_is_written_there(client: Client, locale: str) -> None:
    page = client.get(DISCARD, {"id": locale}).content.decode()
    assert hidden(page)["id"] == "12000"


@pytest.mark.usefixtures("refused")
def test_a_number_that_could_be_another_deletes_nothing(client: Client, settings) -> None:
    """In English it has a fraction; a form of Django's takes it for 12."""
    client.post(DISCARD, {"id": "12.000", "count": "1", "typed": "1"})
    assert Message.objects.count() == 2


@pytest.mark.usefixtures("refused")
def test_the_number_to_type_is_taken_as_people_write_it(client: Client, locale: str) -> None:
    client.post(DISCARD, {"count": "12000", "typed": f" {locale} "})
    assert not Message.objects.exists()


def test_each_page_writes_numbers_for_machines_without_their_thousands(locale: str, rf: Any) -> None:
    job = Job(deed="replay", expected=12_000, looked_at=1_000, by="ada", counted=12_000)
    job.asked_at = datetime(2026, 11, 29, tzinfo=UTC)
    page = render_to_string("switchyard/job_live.html", {"request": rf.get("/"), "job": job})
    assert 'max="12000" value="1000"' in page


@pytest.mark.parametrize("name", ["outbox", "schedule", "queues"])
def test_the_time_on_a_page_is_utc_as_it_says(locale: str, name: str) -> None:
    moment = datetime(2026, 11, 29, 9, 52, 59, tzinfo=UTC)
    page = render_to_string(f"switchyard/{name}_live.html", {"now": moment, "width": 1_000})
    assert "2026-11-29 09:52:59 UTC" in page


@pytest.mark.parametrize(
    ("language", "text", "number"),
    [
        ("de", "12.000", 12_000),
        ("de", "1.234.567", 1_234_567),
        ("de", "12.5", None),
        ("de", "12.00", None),
        ("en", "12.000", None),
        ("en", "12,000", 12_000),
        ("fr", "12 000", 12_000),
        ("fr", "12\N{NARROW NO-BREAK SPACE}000", 12_000),
        ("en-IN", "12,34,567", 1_234_567),
        ("ar", "١٢٠٠٠", 12_000),
        ("en", "-1", None),
        ("en", "1e3", None),
        ("en", "", None),
        ("en", "1,2", None),
        ("en", ",000", None),
    ],
)
def test_a_whole_number_is_read_or_is_none(language: str, text: str, number: int | None) -> None:
    with translation.override(language):
        assert whole_number(text) == number


def test_a_page_is_read_from_the_left_also_where_the_admin_is_read_from_the_right(
    client: Client, settings: Any
) -> None:
    """It is English: from the right a wait of "31 s ago" is shown as "s ago 31"."""
    settings.LANGUAGE_CODE = "ar"
    page = client.get("/admin/switchyard/operations/outbox/").content.decode()
    assert '<html lang="ar" dir="rtl"' in page
    assert '<div class="ops" lang="en" dir="ltr">' in page
    assert '<h1 lang="en" dir="ltr">Outbox</h1>' in page
