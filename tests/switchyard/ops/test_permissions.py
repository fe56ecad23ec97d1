"""Who of the staff has no permission does nothing, and what was accepted is not deleted from the admin."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.core.exceptions import PermissionDenied
from django.test import Client, RequestFactory
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from django_celery_results.models import TaskResult

from switchyard.outbox.models import Message

pytestmark = pytest.mark.django_db

#: What Django itself has for each model, and guards.
DJANGOS = {"changelist", "add", "history", "delete", "change", "password_change"}
#: What was accepted, what was sent, and what somebody did.
KEPT = {
    "switchyard.Message",
    "switchyard.Tick",
    "switchyard.Action",
    "switchyard.Operations",
    "switchyard.AuditLine",
}
SECRET = "hush-hush"


def staff(*permissions: str) -> User:
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def request_of(user: User) -> Any:
    request = RequestFactory().get("/admin/")
    request.user = user
    return request


def test_every_action_names_a_permission_and_is_not_offered_without_it() -> None:
    request = request_of(staff())
    for page in admin.site._registry.values():
        named = {
            action.__name__
            for action, *_ in page._get_base_actions()
            if hasattr(action, "allowed_permissions")
        }
        assert named == {action.__name__ for action, *_ in page._get_base_actions()}, page
        assert page.get_actions(request) == {}, page


def custom_views() -> Iterator[Any]:
    for model, page in admin.site._registry.items():
        prefix = f"{model._meta.app_label}_{model._meta.model_name}_"
        djangos = (
            {prefix + name for name in DJANGOS} if model._meta.label != "switchyard.Operations" else set()
        )
        for url in page.get_urls():
            if url.name and url.name not in djangos:
                yield url


def refuses(url: Any, user: User) -> bool:
    """Whether the view sends this user away, by whichever method it answers."""
    arguments = dict.fromkeys(url.pattern.regex.groupindex, "1") | url.default_args
    positional = [] if arguments else ["1"] * url.pattern.regex.groups
    for method in ("get", "post"):
        request = getattr(RequestFactory(enforce_csrf_checks=False), method)("/admin/")
        request.user, request.session, request._dont_enforce_csrf_checks = user, {}, True
        try:
            status = url.callback(request, *positional, **arguments).status_code
        except PermissionDenied:
            continue
        if status not in {302, 403, 405}:
            return False
    return True


def test_every_view_of_our_own_is_closed_to_who_has_no_permission() -> None:
    """Control: it is found out when the user may."""
    clerk, root = staff(), User.objects.create_superuser("root")
    views = list(custom_views())
    assert len(views) > 10
    assert [url for url in views if not refuses(url, clerk)] == []
    assert not all(refuses(url, root) for url in views)


def test_nothing_that_was_accepted_or_done_is_deleted_by_anybody() -> None:
    request = request_of(User.objects.create_superuser("root"))
    found = {
        model._meta.label
        for model, page in admin.site._registry.items()
        if model._meta.app_label == "switchyard" and not page.has_delete_permission(request)
    }
    assert found == KEPT


@pytest.fixture
def rows() -> dict[str, str]:
    """An address for each row that holds a secret."""
    Message.objects.create(
        task_id="m", task="gallery.io_wait", queue="io", body=json.dumps([[SECRET], {}, {}])
    )
    entry = PeriodicTask.objects.create(
        name="a", task="gallery.io_wait", args=json.dumps([SECRET]),
        interval=IntervalSchedule.objects.create(every=1, period="days"),
    )  # fmt: skip
    held = {name: json.dumps(SECRET) for name in ("task_args", "result", "meta")}
    result = TaskResult.objects.create(task_id="r", task_name="gallery.io_wait", traceback=SECRET, **held)
    return {
        "message": f"/admin/switchyard/message/{Message.objects.get().pk}/change/",
        "entry": f"/admin/django_celery_beat/periodictask/{entry.pk}/change/",
        "result": f"/admin/django_celery_results/taskresult/{result.pk}/change/",
    }


@pytest.mark.parametrize("row", ["message", "entry", "result"])
@pytest.mark.parametrize(("payload", "seen"), [((), False), (("payload",), True)])
def test_what_a_message_holds_is_seen_by_who_may(
    *, client: Client, rows: dict[str, str], row: str, payload: tuple[str, ...], seen: bool
) -> None:
    client.force_login(staff("view_message", "view_periodictask", "view_taskresult", *payload))
    answer = client.get(rows[row])
    assert answer.status_code == 200
    assert (SECRET in answer.content.decode()) is seen


def test_what_is_secret_by_its_name_is_shown_to_nobody(client: Client) -> None:
    held = json.dumps({"api_token": SECRET, "name": "plain"})
    result = TaskResult.objects.create(
        task_id="r", task_name="gallery.io_wait", result=held, task_kwargs=repr(json.loads(held))
    )
    client.force_login(User.objects.create_superuser("root"))
    page = client.get(f"/admin/django_celery_results/taskresult/{result.pk}/change/").content.decode()
    assert ("plain" in page, SECRET in page) == (True, False)


@pytest.mark.parametrize("path", ["/admin/login/", "/admin/", "/admin/auth/user/", "/admin/auth/user/add/"])
def test_every_page_of_the_admin_has_a_policy(client: Client, path: str) -> None:
    if path != "/admin/login/":
        client.force_login(User.objects.create_superuser("root"))
    policy = client.get(path).headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
