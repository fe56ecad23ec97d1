"""What ``attach`` makes of a project's own Celery app, by ways into Celery that it does not document."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery, Task, concurrency
from celery.app import amqp as stock
from celery.worker import control
from django.core.exceptions import ImproperlyConfigured
from kombu import Connection

from app.celery import app as attached_app
from switchyard.broker import options
from switchyard.broker.transport import Transport
from switchyard.celery import attach, tasks
from switchyard.outbox.capture import captured
from switchyard.routing import QUEUES
from switchyard.tasks.base import RoutedTask
from switchyard.tasks.retries import backoff_of
from switchyard.worker import prefork
from switchyard.worker.threads import TaskPool

SECRET = "hunter2"
THEIRS = {"result_expires": 60, "task_serializer": "pickle"}


class Theirs(Task):
    """The task base of a project."""

    abstract = True
    max_retries = 9
    default_retry_delay = 33


@pytest.fixture
def theirs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Celery]:
    """An app of a project that nobody has used yet; the service's own is back afterwards."""
    monkeypatch.setattr("switchyard.celery._attached", [])
    monkeypatch.setattr(options, "replaced", dict(options.replaced))
    yield Celery(
        "theirs", broker="pyamqp://nobody@127.0.0.1:1//", task_cls=Theirs, set_as_current=False, changes=None
    )
    attached_app.set_default()


def configured(app: Celery, namespace: str | None) -> Celery:
    prefix = f"{namespace}_" if namespace else ""
    said = {f"{prefix}{name}": value for name, value in THEIRS.items()}
    said = {(name.upper() if namespace else name): value for name, value in said.items()}
    secrets = {"SECRET_KEY": SECRET, "DATABASES": {"default": {"PASSWORD": SECRET}}}
    app.config_from_object(SimpleNamespace(**said, **secrets), namespace=namespace)
    return attach(app)


def test_modules_of_tasks_count_whatever_they_are_called(
    theirs: Celery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``check`` and ``release`` did not know the tasks of any module that is not called ``tasks``."""
    (tmp_path / "bakery_of_theirs").mkdir()
    modules = {"bakery_of_theirs", "bakery_of_theirs.ovens", "mill_of_theirs"}
    for file in ("bakery_of_theirs/__init__.py", "bakery_of_theirs/ovens.py", "mill_of_theirs.py"):
        (tmp_path / file).touch()
    monkeypatch.syspath_prepend(tmp_path)
    theirs.autodiscover_tasks(["bakery_of_theirs"], related_name="ovens")
    theirs.conf.imports = ["mill_of_theirs"]
    attach(theirs)
    tasks()
    assert modules <= sys.modules.keys()


def test_a_task_base_of_the_projects_own_stays_beneath_ours(theirs: Celery) -> None:
    attach(theirs)

    @theirs.task(name="theirs.one")
    def one() -> None:
        """Never runs."""

    task = theirs.tasks["theirs.one"]
    assert isinstance(task, RoutedTask)
    assert isinstance(task, Theirs)
    assert task.app is theirs
    assert (task.max_retries, backoff_of(task), task.default_retry_delay) == (9, None, 33)


@pytest.mark.parametrize("first", ["Task", "amqp"])
def test_attaching_after_the_first_use_is_refused(theirs: Celery, first: str) -> None:
    assert getattr(theirs, first)
    with pytest.raises(ImproperlyConfigured, match=rf"after the first use of app\.{first}"):
        attach(theirs)


def test_an_attached_app_sends_through_the_outbox(theirs: Celery) -> None:
    attach(theirs)
    with captured() as rows:
        theirs.send_task("gallery.io_wait", ["a"])
    assert [(row.task, row.queue) for row in rows] == [("gallery.io_wait", "io")]


def test_options_that_were_read_before_are_laid_over_too(theirs: Celery) -> None:
    assert theirs.conf.task_acks_late is False
    attach(theirs)
    assert theirs.conf.task_acks_late is True


@pytest.mark.parametrize("namespace", ["CELERY", None])
def test_our_defaults_give_way_to_the_project_and_our_requirements_do_not(
    theirs: Celery, namespace: str | None
) -> None:
    conf = configured(theirs, namespace).conf
    assert conf.result_expires == THEIRS["result_expires"]
    assert conf.broker_heartbeat == options.DEFAULTS["broker_heartbeat"]
    assert conf.task_serializer == "json"
    assert conf.task_default_queue == next(iter(QUEUES))
    assert options.replaced == {"task_serializer": "pickle"}
    assert conf.task_ignore_result


#: What a project may have said, and no promise rests on.
KEPT = {
    "task_annotations": {"gallery.io_wait": {"rate_limit": "1/s"}},
    "task_default_rate_limit": "10/m",
    "task_default_priority": 3,
    "task_time_limit": 20,
    "task_publish_retry": False,
    "result_backend": "django-db",
    "ONCE": {"backend": "celery_once.backends.Redis"},
}
#: What it may have said of what the queues module decides, or a promise.
TAKEN = {
    "task_routes": {"*": "default"},
    "task_default_queue": "default",
    "task_queue_max_priority": 10,
    "worker_prefetch_multiplier": 4,
}


@pytest.mark.parametrize("namespace", ["CELERY", None])
def test_what_a_project_has_said_is_kept_or_is_said_to_be_replaced(
    theirs: Celery, monkeypatch: pytest.MonkeyPatch, namespace: str | None
) -> None:
    for name, value in (KEPT | TAKEN).items():
        monkeypatch.setitem(THEIRS, name, value)
    conf = configured(theirs, namespace).conf
    assert {name: conf[name] for name in KEPT} == KEPT
    assert options.replaced == {"task_serializer": "pickle"} | TAKEN
    assert not conf.task_ignore_result
    declared = theirs.amqp.queues["io"]
    assert declared.queue_arguments == {"x-queue-type": "quorum"}

    @theirs.task(name="gallery.io_theirs", shared=False)
    def task() -> None:
        """Never runs."""

    assert (task.rate_limit, task.priority, task.time_limit) == ("10/m", 3, 20)


@pytest.mark.parametrize("namespace", ["CELERY", None])
def test_a_worker_that_is_asked_for_its_options_tells_no_other_setting(
    theirs: Celery, namespace: str | None
) -> None:
    assert configured(theirs, namespace).conf.result_expires
    answer: Any = control.conf(SimpleNamespace(app=theirs), with_defaults=True)
    assert answer["task_acks_late"] is True
    assert SECRET not in repr(answer)
    assert not [name for name in answer if "DATABASES" in name.upper()]


def test_pool_threads_is_ours_from_any_command_line() -> None:
    assert concurrency.get_implementation("threads") is TaskPool
    assert {concurrency.get_implementation(name) for name in ("prefork", "processes")} == {prefork.TaskPool}


def test_pyamqp_is_our_transport_after_a_failover_too() -> None:
    link = Connection("pyamqp://nobody@127.0.0.1:1//;pyamqp://nobody@127.0.0.1:2//")
    assert isinstance(link.transport, Transport)
    link.switch("pyamqp://nobody@127.0.0.1:2//")
    assert isinstance(link.transport, Transport)


def test_what_a_route_says_of_the_publish_reaches_it() -> None:
    published: list[dict[str, Any]] = []
    producer = SimpleNamespace(publish=lambda _, **said: published.append(said))
    route = attached_app.amqp.router.route({}, "gallery.io_wait")
    sender: Any = stock.AMQP(attached_app)
    message = sender.as_task_v2("one", "gallery.io_wait", ("a",), {})
    sender.send_task_message(producer, "gallery.io_wait", message, **route)
    [said] = published
    assert said["mandatory"] is True
    assert said["confirm_timeout"] == options.CONFIRM_TIMEOUT_SECONDS
