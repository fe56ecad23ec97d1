"""Records what a test would send, instead of sending it: the fixture ``sent_tasks``.

    pytest_plugins = ["switchyard.pytest_plugin"]

    def test_a_signup_sends_one_welcome_mail(client, sent_tasks, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True):
            client.post("/signup", {"email": "ada@example.com"}, content_type="application/json")
        assert [(sent.task, sent.queue) for sent in sent_tasks] == [("accounts.send_welcome_email", "io")]
        sent_tasks.run_all()

It proves that the call is made, with which arguments, and where ROUTES would send it. It proves nothing about
the broker: acknowledgement, redelivery, dead letters and limits exist only with a real worker (tests/live).
"""

from collections import UserList
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from celery.result import EagerResult
from kombu.utils.json import dumps, loads

from switchyard.celery import attached
from switchyard.outbox import amqp, rows
from switchyard.outbox.moments import moment_in
from switchyard.routing import HOME, queue_of


@dataclass(frozen=True)
class Sent:
    """One message that would have been published."""

    task: str
    queue: str
    args: list[Any]
    kwargs: dict[str, Any]
    #: Seconds, or None for at once.
    countdown: float | None
    task_id: str

    def run(self) -> "EagerResult[Any]":
        """Run the task in this process, with its retries at once. Raises what the task raises in the end."""
        result = attached().tasks[self.task].apply(tuple(self.args), self.kwargs, task_id=self.task_id)
        result.get()
        return result


class SentTasks(UserList[Sent]):
    """The messages in the order in which they would have been published."""

    def run_all(self) -> None:
        """Run each once, and what these send in turn, until nothing is left. The list is emptied."""
        while self:
            self.pop(0).run()


@pytest.fixture
def sent_tasks(monkeypatch: pytest.MonkeyPatch) -> SentTasks:
    """Record every message that would be published, or kept in the outbox; neither is touched.

    What is called in a transaction is recorded when that commits, ``delay_on_commit`` in any case then.
    """
    sent = SentTasks()

    def insert(_connection: Any, kept: Sequence[rows.Row], **_: Any) -> None:
        sent.extend(_sent(row.task, row.body, loads(row.headers)) for row in kept)

    monkeypatch.setattr(rows, "insert", insert)
    monkeypatch.setattr(amqp, "Checked", partial(Noting, sent))
    return sent


class Noting:
    """In the place of what publishes at once, as a retry does."""

    def __init__(self, sent: SentTasks, task: str, _producer: Any) -> None:
        self._sent = sent
        self._task = task

    def publish(self, body: Any, *, headers: dict[str, Any], **_: Any) -> None:
        self._sent.append(_sent(self._task, dumps(body), headers))


def _sent(name: str, body: str, headers: dict[str, Any]) -> Sent:
    args, kwargs, _embed = loads(body)
    spec = queue_of(headers)
    if spec is None:
        pytest.fail(f"No route in {HOME} matches {name}.")
    return Sent(name, spec.name, args, kwargs, _countdown(headers), headers["id"])


def _countdown(headers: dict[str, Any]) -> float | None:
    if not headers.get("eta"):
        return None
    return round((moment_in(headers["eta"]) - datetime.now(UTC)).total_seconds())
