"""What a person did is one stream: who, from where, what, before and after; and it stays."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from structlog.testing import capture_logs

from switchyard.ops.audit import note
from switchyard.ops.models import AuditLine
from switchyard.redaction import HIDDEN

pytestmark = pytest.mark.django_db

ADDRESS = {"REMOTE_ADDR": "192.0.2.7"}


@pytest.fixture
def root(client: Client) -> User:
    return User.objects.create_superuser("root", password="right and long")


def lines() -> list[tuple[str, str, str]]:
    return list(AuditLine.objects.order_by("id").values_list("who", "whence", "what"))


def test_log_ins_that_go_well_and_that_do_not_and_log_outs_are_noted(client: Client, root: User) -> None:
    for password in ("wrong", "right and long"):
        client.post("/admin/login/", {"username": "root", "password": password}, **ADDRESS)
    client.post("/admin/logout/", **ADDRESS)
    assert lines() == [
        ("unknown", "192.0.2.7", "log_in_failed"),
        ("root", "192.0.2.7", "log_in"),
        ("root", "192.0.2.7", "log_out"),
    ]
    assert "wrong" not in str(list(AuditLine.objects.values()))


def test_an_edit_of_an_entry_has_what_it_was_and_what_it_is(client: Client, root: User) -> None:
    every = IntervalSchedule.objects.create(every=1, period="days")
    entry = PeriodicTask.objects.create(name="a", task="gallery.io_wait", interval=every, enabled=False)
    client.force_login(root)
    address = f"/admin/django_celery_beat/periodictask/{entry.pk}/change/"
    form = client.get(address).context["adminform"].form
    entered = {name: form[name].value() or "" for name in form.fields if name != "enabled"}
    inline = {"rule-TOTAL_FORMS": "0", "rule-INITIAL_FORMS": "0"}
    moved = {"start_time_0": "", "start_time_1": "", "expires_0": "", "expires_1": ""}
    answer = client.post(address, {**entered, **inline, **moved, "description": "new words"}, **ADDRESS)
    assert answer.status_code == 302, answer.context["errors"]
    line = AuditLine.objects.get(what="change")
    assert (line.who, line.whence) == ("root", "192.0.2.7")
    assert (line.before["description"], line.after["description"]) == ("", "new words")


def test_what_is_added_and_deleted_in_the_admin_is_noted(client: Client, root: User) -> None:
    client.force_login(root)
    client.post("/admin/auth/group/add/", {"name": "clerks"}, **ADDRESS)
    client.post("/admin/auth/group/1/delete/", {"post": "yes"}, **ADDRESS)
    found = list(AuditLine.objects.exclude(what="log_in").values_list("what", "about"))
    assert [(what, about.endswith("clerks")) for what, about in found][:1] == [("add", True)]


def test_run_now_is_noted_with_its_task(client: Client, root: User) -> None:
    every = IntervalSchedule.objects.create(every=1, period="days")
    PeriodicTask.objects.create(name="a", task="gallery.io_wait", interval=every, args=json.dumps(["k"]))
    client.force_login(root)
    client.post("/admin/switchyard/operations/schedule/run-now/", {"entry": "a"}, **ADDRESS)
    line = AuditLine.objects.get(what="run_now")
    assert (line.who, line.about, set(line.after)) == ("root", "a", {"task"})


def test_a_line_is_in_the_log_too_and_without_secrets(client: Client) -> None:
    with capture_logs() as logged:
        note("change", "a row", who="ada", before={"api_token": "hush"}, after={"api_token": "hush", "n": 1})
    assert logged == [
        {
            "event": "audit",
            "log_level": "info",
            "who": "ada",
            "whence": "unknown",
            "what": "change",
            "about": "a row",
            "before": {"api_token": HIDDEN},
            "after": {"api_token": HIDDEN, "n": 1},
        }
    ]


@pytest.mark.parametrize(
    "statement", ["UPDATE switchyard_audit SET who = 'nobody'", "DELETE FROM switchyard_audit"]
)
def test_the_database_lets_nobody_change_or_delete_a_line(statement: str) -> None:
    note("change", "a row", who="ada")
    with pytest.raises(DatabaseError, match="neither changed nor deleted"), transaction.atomic():
        connection.cursor().execute(statement)
    assert AuditLine.objects.get().who == "ada"


def test_what_is_rolled_back_was_not_done() -> None:
    def fails() -> Any:
        note("change", "a row", who="ada")
        raise ValueError("after all")

    with pytest.raises(ValueError, match="after all"), transaction.atomic():
        fails()
    assert not AuditLine.objects.exists()
