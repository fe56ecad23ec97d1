"""What a call accepts its worker takes: the same rules at both ends, whatever the options say."""

from contextlib import suppress
from typing import Any

import pytest
from amqp.serialization import dumps, loads
from hypothesis import example, given
from hypothesis import strategies as st
from structlog.contextvars import bound_contextvars

from app.celery import app
from switchyard.outbox.capture import captured
from switchyard.outbox.checked import HEADERS_LIMIT_BYTES, Checked
from switchyard.outbox.compression import LARGEST_BODY_BYTES
from switchyard.outbox.errors import HeaderRefused, MessageTooLarge, TaskCallError
from switchyard.outbox.headers import INFORMING, fault_of_headers, mend_informing
from switchyard.outbox.models import Message
from switchyard.outbox.rows import Row
from switchyard.relay.link import prepared
from switchyard.text import is_text
from tests.switchyard.test_text import ANY_TEXT

keep = app.tasks["gallery.io_keep"]

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | st.binary(max_size=9) | st.uuids(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "task_id": ANY_TEXT | st.text(min_size=200, max_size=300) | st.uuids(),
        "shadow": ANY_TEXT,
        "argsrepr": VALUES,
        "headers": st.dictionaries(ANY_TEXT | st.just("args"), VALUES, max_size=3),
        "time_limit": st.integers() | st.floats(),
        "ignore_result": st.booleans() | st.none() | st.integers(),
    },
)


def arrived(row: Row) -> dict[str, Any]:
    """The headers of a row as a worker reads them: by JSON into AMQP's bytes and back."""
    message, _, _ = prepared(
        Message(pk=1, **{name: getattr(row, name) for name in Row.__slots__ if name != "due"})
    )
    message._serialize_properties()
    [headers], _ = loads("F", dumps("F", [message.properties["application_headers"]]), 0)
    found: dict[str, Any] = headers
    return found


@given(text=ANY_TEXT, options=OPTIONS)
@example(text="a\x00b", options={})
@example(text="\udcff", options={})
@example(text="x", options={"task_id": "\U0001f600" * 64})
@example(text="x", options={"headers": {"x" * 256: 1}})
@example(text="x", options={"headers": {"n": 2**63}})
@example(text="x", options={"task_id": "\x00"})
def test_a_call_is_refused_or_its_message_is_what_a_worker_takes(text: str, options: Any) -> None:
    with suppress(TaskCallError), captured() as rows:
        keep.apply_async((text,), {}, **options)
    if not rows:
        return
    [row] = rows
    assert is_text(row.task_id)
    headers = arrived(row)
    assert fault_of_headers(headers) == ""
    before = dict(headers)
    mend_informing(headers)
    assert headers == before, "mended at the call already"


@given(text=ANY_TEXT)
def test_a_text_in_arguments_is_always_accepted(text: str) -> None:
    with captured() as rows:
        keep.apply_async((), {"key": text})
    [row] = rows
    assert row.body.isascii()
    assert is_text(arrived(row)["argsrepr"])


@given(values=st.dictionaries(ANY_TEXT, VALUES, max_size=4))
@example(values={"large": "x" * HEADERS_LIMIT_BYTES})
@example(values={"object": object(), "list": ["x"], "nul": "\x00\udcff"})
def test_what_the_log_has_bound_never_decides_about_a_call(values: dict[str, Any]) -> None:
    with bound_contextvars(**values), captured() as rows:
        keep.apply_async(("x",))
    assert fault_of_headers(arrived(rows[0])) == ""


def test_a_refused_header_is_named_with_what_it_must_be() -> None:
    with pytest.raises(HeaderRefused, match="header id is not text of 1 to 255 bytes in UTF-8"):
        keep.apply_async_on_commit(("x",), task_id="a\x00b")
    with pytest.raises(HeaderRefused, match="header own holds what is neither text"):
        keep.apply_async_on_commit(("x",), headers={"own": object()})


@pytest.mark.parametrize("name", sorted(INFORMING))
def test_a_message_that_is_published_at_once_is_looked_at_too(name: str) -> None:
    published: list[dict[str, Any]] = []

    class Producer:
        def publish(self, body: str, *, headers: dict[str, Any], content_type: str, **_: Any) -> None:
            assert (body, content_type) == ("[[]]", "application/json")
            published.append(headers)

    found = Checked(keep.name, Producer())
    found.publish([[]], headers={"id": "x", "task": keep.name, name: "\x00\udcff"}, serializer="json")
    assert published[0].get(name) in {None, "\\x00\\udcff"}
    for headers, why in (
        ({"task": keep.name}, "no header id"),
        ({"id": "x", "task": keep.name, "own": float("nan")}, "NaN"),
        ({"id": "x", "task": keep.name, "own": "x" * HEADERS_LIMIT_BYTES}, "bytes of headers"),
    ):
        with pytest.raises(TaskCallError, match=why):
            found.publish([[]], headers=headers, serializer="json")
    with pytest.raises(MessageTooLarge):
        found.publish(["x" * LARGEST_BODY_BYTES], headers={"id": "x", "task": keep.name}, serializer="json")
    assert len(published) == 1
