"""Which messages are task messages: Celery's own, whatever the canvas, and nothing that is nearly one."""

from pathlib import Path
from typing import Any

import pytest
from celery import chain, chord, group
from celery.app.task import Context
from kombu.message import Message
from kombu.utils.json import dumps, loads

from app.celery import app
from switchyard.outbox.headers import (
    HEADERS,
    RESERVED,
    are_usual,
    fault_of_headers,
    leave_out_reserved,
    mend_informing,
)
from switchyard.worker.message import fault_of
from tests.gallery.tasks import join, part
from tests.malformed import VALUES, Draft, malformed, valid

TASK = "gallery.io_wait"


def fault(draft: Draft) -> str:
    """Of a message as kombu's consumer hands it over."""
    kind = {"content_type": draft.content_type, "content_encoding": draft.content_encoding}
    return fault_of(Message(draft.body, headers=draft.headers, accept=["application/json"], **kind))


def drafts_of(monkeypatch: pytest.MonkeyPatch, send: Any) -> list[Draft]:
    """What Celery would publish, as it would arrive."""
    drafts: list[Draft] = []

    def record(_producer: Any, _name: str, message: Any, **_: Any) -> None:
        drafts.append(Draft(loads(dumps(message.headers)), dumps(message.body).encode()))

    monkeypatch.setattr(app.amqp, "send_task_message", record)
    send()
    return drafts


@pytest.mark.parametrize(
    "send",
    [
        lambda: part.delay("a", 0, False),
        lambda: part.apply_async(("a", 0, False), countdown=5, expires=60, headers={"tenant": "x"}),
        lambda: part.apply_async(("a", 0, False), link=part.s(0, False), link_error=part.s(0, False)),
        lambda: part.apply_async(("a", 0, False), time_limit=5, soft_time_limit=4.5, shadow="other"),
        lambda: chain(part.s("a", 0, False), part.s(0, False), part.s(0, False)).delay(),
        lambda: chain(part.s("a", 0, False), group(part.s(0, False), part.s(0, False))).delay(),
        lambda: group(part.s("a", 0, False), part.s("b", 0, False)).delay(),
        lambda: chain(part.s("a", 0, False), chord(group(part.s(0, False)), join.s("sum"))).delay(),
    ],
)
@pytest.mark.django_db
def test_what_celery_publishes_is_a_task_message(monkeypatch: pytest.MonkeyPatch, send: Any) -> None:
    drafts = drafts_of(monkeypatch, send)
    assert drafts
    assert [fault(draft) for draft in drafts] == [""] * len(drafts)


def test_nothing_that_is_malformed_is_a_task_message() -> None:
    for draft in malformed(TASK, 2000, seed=2, canary=Path("unused")):
        if draft.raw is None and draft.headers.get("task") in (TASK, None):
            assert fault(draft), draft


def test_the_reason_quotes_nothing_of_the_message() -> None:
    draft = valid(TASK, "x")
    draft.headers["retries"] = "somebody's secret"
    assert fault(draft) == "header retries is not a number from 0"


@pytest.mark.parametrize("name", sorted(HEADERS.keys() - {"task", "id"}))
def test_a_void_header_counts_as_missing(name: str) -> None:
    draft = valid(TASK, "x")
    draft.headers[name] = None
    assert fault(draft) == ""


@pytest.mark.parametrize("name", ["traceparent", "headers", *sorted(RESERVED)])
def test_a_header_of_others_never_decides(name: str) -> None:
    draft = valid(TASK, "x")
    for value in VALUES:
        assert fault(Draft({**draft.headers, name: value}, draft.body)) == ""


def test_usual_headers_have_nothing_to_refuse_to_mend_or_to_leave_out() -> None:
    """One look takes the place of three."""
    values = [{name: value} for name in (*HEADERS, *RESERVED, "tenant", 7) for value in VALUES]
    own = [draft.headers for draft in malformed(TASK, 500, seed=3, canary=Path("unused"))]
    usual = 0
    for headers in [*own, *({**valid(TASK, "x").headers, **each} for each in values)]:
        looked_at = dict(headers)
        at_fault = bool(fault_of_headers(looked_at))
        mend_informing(looked_at)
        changed = leave_out_reserved(looked_at) or looked_at != headers
        assert are_usual(headers) == (not at_fault and not changed), headers
        usual += are_usual(headers)
    assert usual > len(HEADERS)


def test_of_others_headers_the_request_gets_none_that_is_celerys_own() -> None:
    own = {"task": TASK, "id": "x", "traceparent": "00-1-2-01", "headers": {"sentry-trace": "1"}}
    headers: dict[str, Any] = {**own, **dict.fromkeys(RESERVED, "x")}
    assert leave_out_reserved(headers) == sorted(RESERVED)
    assert headers == own
    request = Context(headers)
    assert callable(request.get)
    assert (request.called_directly, request.chord) == (True, None)
