import ast
from pathlib import Path

import pytest
from kombu import Queue

from app.celery import app
from switchyard import routing
from switchyard.celery import tasks
from switchyard.routing import HOME, QUEUES, ROUTES, mapped_queue, pattern_for, queue_for


@pytest.mark.parametrize("task", sorted(tasks()))
def test_our_reading_of_the_routes_is_celerys_own(task: str) -> None:
    spec = queue_for(task)
    assert spec
    assert app.amqp.router.route({}, task)["queue"].name == spec.name


def test_a_name_without_a_star_wins_over_any_pattern(monkeypatch) -> None:
    monkeypatch.setattr(routing, "ROUTES", {"reports.*": "cpu", "reports.mail_link": "io"})
    assert pattern_for("reports.mail_link") == "reports.mail_link"


def test_of_two_patterns_the_first_wins(monkeypatch) -> None:
    monkeypatch.setattr(routing, "ROUTES", {"reports.mail*": "io", "reports.*": "cpu"})
    assert queue_for("reports.mail_link") is QUEUES["io"]
    assert queue_for("reports.combine") is QUEUES["cpu"]


def test_a_task_that_no_route_matches_has_no_queue() -> None:
    assert queue_for("nobody.knows") is None


@pytest.mark.parametrize("said", ["cpu", "celery", Queue("celery")])
def test_a_queue_is_meant_by_its_name_and_by_one_that_it_had_before(monkeypatch, said: str | Queue) -> None:
    monkeypatch.setitem(routing.QUEUE_MAP, "celery", "cpu")
    assert mapped_queue(said) is QUEUES["cpu"]


def test_any_other_name_means_no_queue() -> None:
    assert [mapped_queue(said) for said in ("celery", "", None)] == [None] * 3


def test_celery_declares_quorum_queues_on_one_topic_exchange() -> None:
    declared = app.amqp.queues
    assert set(declared) == set(QUEUES)
    for name, queue in declared.items():
        assert queue.queue_arguments == {"x-queue-type": "quorum"}
        assert (queue.exchange.name, queue.exchange.type, queue.routing_key) == ("tasks", "topic", name)


def test_every_publish_is_mandatory_and_waits_a_bounded_time_for_its_confirm() -> None:
    for task in tasks():
        options = app.amqp.router.route({}, task)
        assert options["mandatory"] is True
        assert options["confirm_timeout"] > 0
    assert app.conf.broker_transport_options["confirm_publish"] is True


def test_every_task_has_the_limits_of_its_queue() -> None:
    for name, task in tasks().items():
        spec = queue_for(name)
        assert (task.soft_time_limit, task.time_limit) == (spec.soft_limit_seconds, spec.hard_limit_seconds)


def test_no_route_is_left_over() -> None:
    left = set(ROUTES) - {pattern_for(name) for name in tasks()}
    assert not left, f"No task takes {sorted(left)}: write one, or take the line out of ROUTES in {HOME}."


def test_no_other_file_spells_a_queue() -> None:
    root = Path(__file__).resolve().parents[3]
    files = [path for top in ("app", "switchyard", "deploy") for path in root.glob(f"{top}/**/*.py")]
    spelled = {
        str(path.relative_to(root))
        for path in files
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value in {*QUEUES, *(f"{name}.dead" for name in QUEUES)}
    }
    assert spelled == {"app/queues.py"}
