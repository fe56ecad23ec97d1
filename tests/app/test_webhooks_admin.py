"""The admin shows what the service did, and sends a delivery again."""

from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Permission, User
from django.db import connection, transaction
from django.test import Client

from app.accounts.models import Letter, SignUp
from app.reports.models import Part, Report
from app.webhooks.models import Delivery, DeliveryState, Event, Target
from switchyard import BoundedAdmin
from switchyard.deadletters.models import Action, Verb
from switchyard.ops import cascade
from switchyard.pytest_plugin import SentTasks
from tests.app.conftest import Person

TABLES = [
    "accounts/token",
    "accounts/signup",
    "accounts/letter",
    "reports/report",
    "reports/part",
    "webhooks/event",
    "webhooks/target",
    "webhooks/delivery",
    "switchyard/action",
]


@pytest.fixture
def admin(db: None, client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def rows(ada: Person) -> dict[str, Any]:
    """One row of each table; a token is Ada's already."""
    report = Report.objects.create(owner=ada.user, days=3)
    event = Event.objects.create(kind="report.done")
    target = Target.objects.create(owner=ada.user, url="https://example.com/hook", events=["report.done"])
    return {
        "accounts/token": ada.user.tokens.get(),
        "accounts/signup": SignUp.objects.create(address="192.0.2.1"),
        "accounts/letter": Letter.objects.create(user=ada.user, name="welcome"),
        "reports/report": report,
        "reports/part": Part.objects.create(report=report, index=0, counts={}),
        "webhooks/event": event,
        "webhooks/target": target,
        "webhooks/delivery": Delivery.objects.create(event=event, target=target),
        "switchyard/action": Action.objects.create(verb=Verb.REPLAY, task="reports.draw", by="ada"),
    }


@pytest.mark.parametrize("table", TABLES)
def test_each_table_can_be_looked_through(admin: Client, rows: dict[str, Any], table: str) -> None:
    assert admin.get(f"/admin/{table}/?q=a").status_code == 200
    page = admin.get(f"/admin/{table}/{rows[table].pk}/change/")
    assert page.status_code == 200
    assert admin.get(f"/admin/{table}/add/").status_code == 403


def test_no_secret_is_shown(admin: Client, rows: dict[str, Any]) -> None:
    for table, column in (("webhooks/target", "secret"), ("accounts/token", "digest")):
        page = admin.get(f"/admin/{table}/{rows[table].pk}/change/").content.decode()
        assert getattr(rows[table], column) not in page


def test_a_target_can_be_switched_off_and_not_be_pointed_elsewhere(
    admin: Client, rows: dict[str, Any]
) -> None:
    target = rows["webhooks/target"]
    admin.post(f"/admin/webhooks/target/{target.pk}/change/", {"url": "https://example.net/"})
    target.refresh_from_db()
    assert (target.active, target.url) == (False, "https://example.com/hook")


@pytest.mark.parametrize(
    ("state", "sent"), [("failed", True), ("refused", True), ("delivered", False), ("waiting", False)]
)
def test_what_failed_is_delivered_again_when_it_is_asked_for(
    *,
    admin: Client,
    rows: dict[str, Any],
    sent_tasks: SentTasks,
    django_capture_on_commit_callbacks: Any,
    state: str,
    sent: bool,
) -> None:
    Delivery.objects.update(state=state)
    key = str(rows["webhooks/delivery"].pk)
    with django_capture_on_commit_callbacks(execute=True):
        admin.post("/admin/webhooks/delivery/", {"action": "deliver_again", "_selected_action": [key]})
    assert [task.args for task in sent_tasks] == ([[key]] if sent else [])
    assert Delivery.objects.get().state == (DeliveryState.WAITING if sent else state)


def test_deliveries_are_sent_again_so_many_at_a_time(
    admin: Client, ada: Person, sent_tasks: SentTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.webhooks.admin.AT_ONCE", 2)
    target = Target.objects.create(owner=ada.user, url="https://example.com/hook", events=["report.done"])
    events = [Event.objects.create(kind="report.done") for _ in range(3)]
    failed = [
        Delivery.objects.create(event=event, target=target, state=DeliveryState.FAILED) for event in events
    ]
    chosen = {"action": "deliver_again", "select_across": "1", "_selected_action": [str(failed[0].pk)]}
    page = admin.post("/admin/webhooks/delivery/", {**chosen, "index": "0"}, follow=True).content.decode()
    assert "2 deliveries are sent again. At most 2 are at a time: choose again for more." in page
    assert list(Delivery.objects.filter(state=DeliveryState.FAILED)) == failed[2:]


def test_who_may_not_delete_what_goes_along_deletes_nothing(ada: Person, client: Client) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["view_event", "delete_event"]))
    client.force_login(clerk)
    target = Target.objects.create(owner=ada.user, url="https://example.com/hook", events=["report.done"])
    event = Event.objects.create(kind="report.done")
    chosen = {"action": "delete_selected", "_selected_action": [str(event.pk)]}
    assert client.post("/admin/webhooks/event/", chosen).context["lacking"] == set()
    Delivery.objects.create(event=event, target=target)
    assert client.post("/admin/webhooks/event/", chosen).context["lacking"] == {"delivery"}
    sure = {**chosen, "post": "yes", "count": "1"}
    assert client.post("/admin/webhooks/event/", sure).status_code == 403
    assert Event.objects.get() == event


def test_every_page_of_ours_is_bounded() -> None:
    ours = [page for page in site._registry.values() if page.__module__.startswith(("app.", "switchyard."))]
    assert len(ours) > len(TABLES)
    assert [page for page in ours if not isinstance(page, BoundedAdmin)] == []


def test_what_bounds_a_look_does_not_outlive_it_in_an_open_transaction(ada: Person) -> None:
    def limit() -> Any:
        with connection.cursor() as cursor:
            return cursor.execute("SHOW statement_timeout").fetchone()

    with transaction.atomic():
        before = limit()
        assert cascade.too_many_along(User.objects.all()) == []
        assert limit() == before


def test_a_row_that_would_take_many_along_is_kept_until_they_are_deleted_in_batches(
    admin: Client, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cascade, "ALONG", 2)
    target = Target.objects.create(owner=ada.user, url="https://example.com/hook", events=["report.done"])
    for _ in range(3):
        Delivery.objects.create(event=Event.objects.create(kind="report.done"), target=target)
    for path in (f"auth/user/{ada.user.pk}", f"webhooks/target/{target.pk}"):
        page = admin.get(f"/admin/{path}/delete/").content.decode()
        assert "Deliveries: more than 2. Delete them first, in their own list." in page
        admin.post(f"/admin/{path}/delete/", {"post": "yes"})
    chosen = {
        "action": "delete_selected",
        "_selected_action": [str(ada.user.pk)],
        "post": "yes",
        "count": "1",
    }
    admin.post("/admin/auth/user/", chosen)
    assert Delivery.objects.count() == 3
    assert User.objects.filter(pk=ada.user.pk).exists()
    Delivery.objects.first().delete()
    admin.post(f"/admin/auth/user/{ada.user.pk}/delete/", {"post": "yes"})
    assert not User.objects.filter(pk=ada.user.pk).exists()
    assert not Delivery.objects.exists()
