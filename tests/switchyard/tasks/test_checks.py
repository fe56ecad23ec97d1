"""A wrong configuration is found before anything starts, and the finding says what to write instead."""

import re
from dataclasses import replace

import pytest
from celery.app.routes import Router, prepare
from celery.schedules import crontab
from django.core.checks import CheckMessage
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db.backends.postgresql.base import DatabaseWrapper

from app.celery import app
from app.queues import CPU, IO
from switchyard.broker import options
from switchyard.broker.options import routing
from switchyard.process import broker_checks
from switchyard.process import checks as process_checks
from switchyard.routing import QUEUE_MAP, QUEUES, ROUTES, _declared, queue_for
from switchyard.schedule.entry import ScheduleEntry
from switchyard.schedule.sync import SCHEDULE
from switchyard.tasks import checks, declarations

RULES = (*checks.RULES, *declarations.RULES, *broker_checks.RULES, *process_checks.RULES)


def found(rule) -> list[tuple[str, str]]:
    return [(str(error.id), str(error.obj)) for error in rule()]


@pytest.fixture
def temporary_task():
    """Register a task for the length of a test."""
    names = []

    def nothing() -> None: ...

    def register(name: str, **options) -> None:
        names.append(app.task(name=name, shared=False, **options)(nothing).name)

    yield register
    for name in names:
        app.tasks.unregister(name)
        _declared.pop(name, None)


def test_the_project_as_it_stands_has_no_finding() -> None:
    assert [error for rule in RULES for error in rule()] == []


def test_a_task_that_no_route_matches_is_found(temporary_task) -> None:
    temporary_task("billing.charge")
    assert found(checks.tasks_have_a_route) == [("yard.E1", "billing.*")]


THEIRS = [f"health_check.contrib.celery.tasks.{name}" for name in ("add", "ping", "echo")]


def test_the_tasks_of_a_module_are_one_error_whose_line_routes_them_all(temporary_task, monkeypatch) -> None:
    """And of a library's, whose names have more dots than one, as the built-in ones of Celery's may not."""
    for name in (*THEIRS, "celery_haystack.tasks.Update", "lonely"):
        temporary_task(name)
    errors = list(checks.tasks_have_a_route())
    assert [error.obj for error in errors] == [
        "celery_haystack.tasks.*",
        "health_check.contrib.celery.tasks.*",
        "lonely",
    ]
    assert all(name in errors[1].msg for name in THEIRS)
    for error in errors:
        [pattern] = re.findall(r'"(\S+)": "QUEUE"', error.hint)
        monkeypatch.setitem(ROUTES, pattern, "cpu")
    assert found(checks.tasks_have_a_route) == []
    router = Router(prepare(routing()["task_routes"]), app.amqp.queues, app=app)
    for name in (*THEIRS, "celery_haystack.tasks.Update", "lonely"):
        assert router.route({}, name)["queue"].name == queue_for(name).name == "cpu"


@pytest.mark.parametrize(
    "name", ["celery.chord_unlock", "celery.backend_cleanup", "celery.chord", "celery.group", "celery.map"]
)
def test_what_celery_brings_has_a_route_and_runs_in_the_first_queue(name: str) -> None:
    assert name in app.tasks
    assert queue_for(name) is next(iter(QUEUES.values()))


def test_the_check_command_fails_and_prints_the_line_to_add(temporary_task) -> None:
    temporary_task("billing.charge")
    with pytest.raises(SystemCheckError, match=r'"billing\.\*": "QUEUE"'):
        call_command("check")


def test_tasks_named_after_their_modules_are_one_warning() -> None:
    def charge() -> None: ...

    def refund() -> None: ...

    made = [app.task(shared=False)(each) for each in (charge, refund)]
    try:
        [warning] = checks.tasks_have_a_name_of_their_own()
    finally:
        for task in made:
            app.tasks.unregister(task.name)
    assert warning.id == "yard.W3"
    assert not warning.is_serious()
    assert all(task.name in warning.msg for task in made)


def test_a_route_to_an_undeclared_queue_is_found(monkeypatch) -> None:
    monkeypatch.setitem(ROUTES, "gallery.io_*", "slow")
    assert found(checks.routes_lead_to_declared_queues) == [("yard.E3", "gallery.io_*")]


def test_a_name_that_is_mapped_to_an_undeclared_queue_is_found(monkeypatch) -> None:
    monkeypatch.setitem(QUEUE_MAP, "celery", "slow")
    assert found(checks.routes_lead_to_declared_queues) == [("yard.E3", "celery")]


@pytest.mark.parametrize("pattern", ["billing.*", "reports.m*"])
def test_a_route_that_decides_for_no_task_is_found(monkeypatch, pattern: str) -> None:
    monkeypatch.setitem(ROUTES, pattern, "io")
    assert found(checks.routes_match_a_task) == [("yard.E4", pattern)]


def test_a_queue_without_a_route_is_found(monkeypatch) -> None:
    monkeypatch.setitem(QUEUES, "gpu", replace(CPU, name="gpu"))
    assert found(checks.queues_have_a_route) == [("yard.E5", "gpu")]


@pytest.mark.filterwarnings("ignore::celery.exceptions.CDeprecationWarning")
def test_a_queue_that_only_a_decorator_names_is_no_finding(monkeypatch, temporary_task) -> None:
    monkeypatch.setitem(QUEUES, "gpu", replace(CPU, name="gpu"))
    temporary_task("billing.charge", queue="gpu")
    assert found(checks.queues_have_a_route) == found(checks.tasks_have_a_route) == []


@pytest.mark.parametrize(
    "limits",
    [
        {"soft_limit_seconds": 90, "hard_limit_seconds": 90},
        {"soft_limit_seconds": 60, "hard_limit_seconds": 1800},
        {"consumer_timeout_seconds": 80},
    ],
)
def test_limits_out_of_order_are_found(monkeypatch, limits: dict[str, int]) -> None:
    monkeypatch.setitem(QUEUES, "io", replace(IO, **limits))
    assert ("yard.E6", "queue io") in found(checks.limits_are_in_order)


def test_a_task_with_a_limit_above_its_queues_is_found(temporary_task) -> None:
    temporary_task("gallery.io_patient", soft_time_limit=60, time_limit=120)
    assert found(checks.limits_are_in_order) == [("yard.E6", "task gallery.io_patient")]


def test_a_dotted_queue_name_is_found(monkeypatch) -> None:
    monkeypatch.setitem(QUEUES, "mail.io", replace(IO, name="mail.io"))
    assert found(checks.queue_names_are_one_word) == [("yard.E7", "mail.io")]


@pytest.mark.parametrize("name", ["unroutable", "delayed"])
def test_a_queue_named_as_one_of_the_engines_own_policies_is_found(monkeypatch, name: str) -> None:
    monkeypatch.setitem(QUEUES, name, replace(IO, name=name))
    assert found(checks.queue_names_are_one_word) == [("yard.E7", name)]


def test_a_schedule_entry_for_a_task_that_does_not_exist_is_found(monkeypatch) -> None:
    monkeypatch.setitem(SCHEDULE, "hourly", ScheduleEntry("gallery.io_purge", crontab(minute="0"), "a typo"))
    assert ("yard.E8", "hourly") in found(process_checks.schedule_entries_have_a_task)


@pytest.mark.filterwarnings("ignore::celery.exceptions.CDeprecationWarning")
def test_a_task_that_names_a_routing_key_is_found(temporary_task) -> None:
    temporary_task("gallery.io_stubborn", routing_key="cpu")
    assert found(declarations.tasks_name_declared_queues) == [("yard.E9", "gallery.io_stubborn")]


def test_a_task_on_another_base_class_is_found(temporary_task) -> None:
    from celery import Task

    """Only what is put into the registry past Celery's own ways of making a task has one."""
    app.tasks.register(type("Foreign", (Task,), {"name": "gallery.io_foreign"})())
    try:
        assert found(checks.tasks_are_routed_tasks) == [("yard.E10", "gallery.io_foreign")]
    finally:
        app.tasks.unregister("gallery.io_foreign")


def test_an_option_that_is_replaced_is_a_warning_that_says_where_it_is_decided(monkeypatch) -> None:
    said = {"task_acks_late": False, "task_default_queue": "default", "worker_prefetch_multiplier": 4}
    for option, value in said.items():
        monkeypatch.setitem(options.replaced, option, value)
    hints = {warning.obj: warning.hint for warning in process_checks.celery_options_hold()}
    assert hints.keys() == said.keys()
    assert "a promise of the engine" in hints["task_acks_late"]
    assert "QUEUE_MAP in app/queues.py" in hints["task_default_queue"]
    assert "QueueSpec" in hints["worker_prefetch_multiplier"]


@pytest.mark.parametrize(
    "url", ["django-db", "rpc://", "redis://:hush@host/0", "no_such_module.Backend", None]
)
def test_a_result_backend_of_the_projects_own_is_a_warning_that_says_what_does_not_hold(
    monkeypatch, url: str | None
) -> None:
    assert not list(process_checks.result_backend_keeps_our_promises())
    monkeypatch.setitem(app.conf, "result_backend", url)
    [warning] = process_checks.result_backend_keeps_our_promises()
    assert (warning.id, warning.is_serious()) == ("yard.W4", False)
    assert "dead letters shows no errors" in warning.msg
    assert "hush" not in warning.msg


def test_a_backend_whose_commit_leaves_the_outbox_behind_is_found(monkeypatch) -> None:
    plain = DatabaseWrapper({"ENGINE": "django.db.backends.postgresql"})
    monkeypatch.setattr(process_checks, "connections", {"default": plain})
    [error] = process_checks.database_commits_the_outbox()
    assert error.id == "yard.E12"
    assert "'django.db.backends.postgresql'" in error.msg
    assert "'switchyard.postgresql'" in error.hint


@pytest.mark.parametrize("rule", RULES)
def test_every_finding_says_where_and_what_to_write_instead(rule, monkeypatch, settings) -> None:
    monkeypatch.setitem(ROUTES, "nobody.*", "nowhere")
    monkeypatch.setitem(QUEUES, "a.b", replace(CPU, name="a.b", soft_limit_seconds=9999))
    monkeypatch.setitem(SCHEDULE, "x", ScheduleEntry("x.y", crontab(), ""))
    settings.CELERY_BROKER_URL = "amqp://host"
    for error in rule():
        assert isinstance(error, CheckMessage)
        assert error.hint
