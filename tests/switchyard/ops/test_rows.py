"""The admin's lists of rows, and deletions from them, cost the same however many rows there are."""

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_celery_results.admin import TaskResultAdmin
from django_celery_results.models import GroupResult, TaskResult

from app.celery import app
from switchyard.ops import changelist, deletion, results, timeouts
from switchyard.outbox.models import Message
from switchyard.schedule.models import Tick

pytestmark = pytest.mark.django_db(transaction=True)

TICKS = """
    INSERT INTO switchyard_schedule_tick (entry, due_at, sent_at, task_id)
    SELECT 'each minute', now() + number * interval '1 minute', now(), gen_random_uuid()
    FROM generate_series(1, %s) AS number
"""
RESULTS = """
    INSERT INTO django_celery_results_taskresult (
        task_id, task_name, status, content_type, content_encoding, date_created, date_done
    )
    SELECT 'task ' || number, 'gallery.task ' || number %% 50, 'SUCCESS', 'json', 'utf-8', now(),
        now() - number * interval '1 minute'
    FROM generate_series(1, %s) AS number
"""


def fill(statement: str, count: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, [count])


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("one on call"))
    return client


def list_of(model: Any) -> str:
    return reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist")


def choose_all(client: Client, model: Any) -> Any:
    """Press "Delete selected" with all rows of all pages chosen."""
    first = model.objects.values_list("pk", flat=True).first()
    chosen = {"action": "delete_selected", "index": "0", "select_across": "1", "_selected_action": [first]}
    return client.post(list_of(model), chosen)


def fields(answer: Any) -> dict[str, str]:
    page = answer.content.decode().partition('<form method="post">')[2]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))


def test_a_message_that_was_accepted_is_not_deleted_in_the_admin(client: Client) -> None:
    app.tasks["gallery.io_wait"].delay_on_commit("one", 0)
    message = Message.objects.get()
    choose_all(client, Message)
    client.post(
        list_of(Message), {"action": "delete_selected", "_selected_action": [message.pk], "post": "yes"}
    )
    assert (
        client.post(
            reverse("admin:switchyard_message_delete", args=[message.pk]), {"post": "yes"}
        ).status_code
        == 403
    )
    assert Message.objects.get() == message


def test_a_deletion_says_how_many_and_its_page_stays_small(client: Client) -> None:
    sizes = []
    for count in (300, 3_000):
        TaskResult.objects.all().delete()
        fill(RESULTS, count)
        answer = choose_all(client, TaskResult)
        assert fields(answer)["count"] == str(count)
        sizes.append(len(answer.content))
    assert sizes[1] - sizes[0] < 100


def test_what_was_confirmed_is_deleted_in_batches_and_noted_once(client: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr(deletion, "BATCH_ROWS", 7)
    fill(RESULTS, 20)
    confirmation = fields(choose_all(client, TaskResult))
    fill(
        RESULTS.replace("'task '", "'later '"),
        1,
    )
    client.post(list_of(TaskResult), confirmation)
    assert [result.task_id for result in TaskResult.objects.all()] == ["later 1"]
    assert [entry.object_repr for entry in LogEntry.objects.all()] == ["20 task results"]


def test_one_request_deletes_for_as_long_as_somebody_waits_and_says_what_is_left(
    client: Client, monkeypatch: Any
) -> None:
    monkeypatch.setattr(deletion, "BATCH_ROWS", 7)
    monkeypatch.setattr(timeouts, "ACT_SECONDS", 0)
    fill(RESULTS, 20)
    answer = client.post(list_of(TaskResult), fields(choose_all(client, TaskResult)), follow=True)
    assert TaskResult.objects.count() == 13
    assert "Deleted 7 of 20 task results. What is left can be chosen again." in answer.content.decode()


def test_rows_that_are_chosen_one_by_one_are_those_that_are_deleted(client: Client) -> None:
    fill(RESULTS, 5)
    chosen = [str(key) for key in TaskResult.objects.order_by("-pk").values_list("pk", flat=True)[:2]]
    answer = client.post(
        list_of(TaskResult), {"action": "delete_selected", "index": "0", "_selected_action": chosen}
    )
    sent = re.findall(r'name="_selected_action" value="(\d+)"', answer.content.decode())
    client.post(list_of(TaskResult), {**fields(answer), "_selected_action": sent})
    assert sent == chosen
    assert TaskResult.objects.count() == 3
    assert not TaskResult.objects.filter(pk__in=chosen).exists()


def test_a_list_counts_and_pages_no_further_than_it_must(client: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr(changelist, "COUNTED", 250)
    fill(TICKS, 300)
    page = client.get(list_of(Tick))
    assert page.context["cl"].result_count == 250
    assert changelist.ONLY_THE_FIRST in page.content.decode()
    assert client.get(list_of(Tick), {"p": "3"}).status_code == 200


@pytest.fixture
def locked(transactional_db: None) -> Iterator[None]:
    """Nobody can read the ticks, as if that took for ever."""
    parameters = connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}
    with psycopg.connect(**parameters) as other:
        other.execute("LOCK TABLE switchyard_schedule_tick")
        yield
        other.rollback()


@pytest.mark.usefixtures("locked")
def test_a_list_that_is_not_found_in_time_says_so(client: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr(timeouts, "PAGE_SECONDS", 0.05)
    page = client.get(list_of(Tick), {"q": "each"}).content.decode()
    assert "none is shown" in page


def test_results_are_found_by_an_index_and_no_filter_reads_them_all(client: Client) -> None:
    fill(RESULTS, 12_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE django_celery_results_taskresult")
    with CaptureQueriesContext(connection) as captured:
        for query in ({}, {"q": "task 7"}, {"task_name": "gallery.task 7"}, {"status": "SUCCESS"}):
            assert client.get(list_of(TaskResult), query).status_code == 200
    asked = [each["sql"] for each in captured if "taskresult" in each["sql"]]
    assert len(asked) >= 4
    assert not [sql for sql in asked if "DISTINCT" in sql]
    with connection.cursor() as cursor:
        for sql in asked:
            cursor.execute(f"EXPLAIN {sql}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
            assert "Seq Scan" not in plan or "LIMIT 10000" in sql, plan


def test_results_have_our_page_where_the_project_has_none_of_its_own() -> None:
    class Own(TaskResultAdmin):
        pass

    site, without = admin.AdminSite(), admin.AdminSite()
    site.register(TaskResult, Own)
    results.register(site)
    results.register(without)
    assert type(site.get_model_admin(TaskResult)) is Own
    assert not without.is_registered(GroupResult)
    assert type(admin.site.get_model_admin(TaskResult)) is results.BoundedTaskResultAdmin
