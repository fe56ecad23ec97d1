"""A plain call is made from the last one's message, and cannot be told from one that Celery made."""

from typing import Any

import pytest
from celery import shared_task
from celery._state import _task_stack
from kombu.utils.json import loads
from pydantic import BaseModel

from app.celery import app
from switchyard.outbox import template
from switchyard.outbox.errors import ModelRefused, NotJson
from switchyard.outbox.models import Message
from switchyard.routing import QUEUES
from tests.gallery.models import Run

pytestmark = pytest.mark.django_db(transaction=True)


class Person(BaseModel):
    name: str


ITS_OWN = ("id", "root_id", "sent_at")


@pytest.fixture(autouse=True)
def no_templates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template, "_templates", {})


def kept(task: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """What a call leaves in the outbox, without what is its own."""
    Message.objects.all().delete()
    task_id = task.delay_on_commit(*args, **kwargs)
    message = Message.objects.get()
    headers, properties = loads(message.headers), loads(message.properties)
    assert (message.task_id, headers["id"], headers["root_id"]) == (task_id,) * 3
    assert properties.pop("correlation_id") == task_id
    rest = {name: value for name, value in headers.items() if name not in ITS_OWN}
    return {
        "headers": rest,
        "names": list(headers),
        "properties": properties,
        "body": message.body,
        "queue": (message.task, message.queue, message.eta),
    }


@pytest.mark.parametrize("queue", QUEUES)
@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((), {"key": "a"}), (("a",), {"seconds": 2}), (("x" * 3000, 1.5), {}), (("☃\x00\ud800",), {})],
)
def test_the_second_call_is_what_celery_would_have_made(queue: str, args: Any, kwargs: Any) -> None:
    task = app.tasks[f"gallery.{queue}_wait"]
    whole = kept(task, *args, **kwargs)
    assert template._templates[task.name][1] is not None
    kept(task, "something else", seconds=7)
    assert kept(task, *args, **kwargs) == whole


def test_a_wrong_argument_is_refused_at_every_call() -> None:
    task = app.tasks["gallery.io_wait"]
    for _ in range(2):
        with pytest.raises(ModelRefused):
            task.delay_on_commit(Run(key="a"))
        with pytest.raises(TypeError, match="key"):
            task.delay_on_commit()
        with pytest.raises(NotJson, match="an argument that JSON cannot hold: Object of type object"):
            task.delay_on_commit(object())
        task.delay_on_commit("a")
    assert Message.objects.count() == 2


def test_a_call_in_a_task_names_its_root_and_parent() -> None:
    task = app.tasks["gallery.io_wait"]
    kept(task, "a")
    task.push_request(id="outer", root_id="first", called_directly=False, delivery_info={})
    _task_stack.push(task)
    try:
        task.delay_on_commit("b")
    finally:
        _task_stack.pop()
        task.pop_request()
    headers = loads(Message.objects.latest("id").headers)
    assert (headers["root_id"], headers["parent_id"]) == ("first", "outer")


def test_a_task_with_a_name_made_of_its_arguments_gets_it_at_every_call() -> None:
    def shadow(task: Any, args: Any, kwargs: Any, options: Any) -> str:
        return f"shadow of {args[0]}"

    @shared_task(name="gallery.io_shadowed", shadow_name=shadow)
    def shadowed(key: str) -> None:
        """Never runs."""

    for key in ("a", "b"):
        app.tasks[shadowed.name].delay_on_commit(key)
    names = [loads(message.headers)["shadow"] for message in Message.objects.order_by("id")]
    assert names == ["shadow of a", "shadow of b"]
    app.tasks.unregister(shadowed.name)


def test_a_task_whose_arguments_are_models_of_pydantic_gets_them_at_every_call() -> None:
    @shared_task(name="gallery.io_pydantic", pydantic=True)
    def pydantic(person: Person) -> None:
        """Never runs."""

    for name in ("ada", "bob"):
        app.tasks[pydantic.name].delay_on_commit(Person(name=name).model_dump())
    bodies = [loads(message.body) for message in Message.objects.order_by("id")]
    assert [args for args, *_ in bodies] == [[{"name": "ada"}], [{"name": "bob"}]]
    # Celery makes plain values of them for each call; before 5.7 the caller has to.
    made_for_each_call = hasattr(app.tasks[pydantic.name], "_dump_pydantic_arguments")
    assert (template._templates[pydantic.name][1] is None) == made_for_each_call
    app.tasks.unregister(pydantic.name)
