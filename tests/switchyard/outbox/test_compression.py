"""A task that is declared compressed is, on its way to the broker, and no message fills a worker's memory."""

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from kombu import compression
from kombu.message import Message as Arrived
from kombu.utils.json import loads

from app.celery import app
from switchyard.outbox.checked import BODY_LIMIT_BYTES
from switchyard.outbox.compression import LARGEST_BODY_BYTES, bound_decompression
from switchyard.outbox.errors import CompressionRefused, MessageTooLarge
from switchyard.outbox.models import Message
from switchyard.relay.link import prepared
from switchyard.worker.message import fault_of

pytestmark = pytest.mark.django_db(transaction=True)

io_wait: Any = app.tasks["gallery.io_wait"]
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "application/x-gzip": zlib.compress,
    "application/x-bz2": bz2.compress,
    "application/x-lzma": lzma.compress,
}


@pytest.fixture(autouse=True)
def bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a worker, for the length of a test."""
    for private in ("_encoders", "_decoders"):
        monkeypatch.setattr(compression, private, dict(getattr(compression, private)))
    bound_decompression()


def arrived(row: Message) -> Arrived:
    """The row as a worker gets it when the relay has published it."""
    content, _exchange, _key = prepared(row)
    kind = {name: content.properties[name] for name in ("content_type", "content_encoding")}
    headers = content.properties["application_headers"]
    return Arrived(content.body, headers=headers, accept=["application/json"], **kind)


@pytest.mark.parametrize("said", ["gzip", "zlib", "bzip2", "lzma", "application/x-gzip"])
def test_what_a_call_wants_compressed_is_smaller_on_its_way_and_the_same_to_the_worker(said: str) -> None:
    io_wait.apply_async_on_commit(("x" * 10_000,), compression=said)
    row = Message.objects.get()
    assert len(prepared(row)[0].body) < 1_000
    message = arrived(row)
    assert fault_of(message) == ""
    assert message.decode()[0] == ["x" * 10_000]


def test_a_declared_compression_holds_for_plain_calls() -> None:
    def echo(key: str) -> str:
        return key

    task: Any = app.task(name="gallery.io_compressed", compression="gzip", shared=False)(echo)
    try:
        for key in ("a", "b"):
            task.delay_on_commit(key * 10_000)
    finally:
        app.tasks.unregister(task.name)
    rows = Message.objects.order_by("id")
    assert [loads(row.headers)["compression"] for row in rows] == ["application/x-gzip"] * 2
    assert [arrived(row).decode()[0] for row in rows] == [["a" * 10_000], ["b" * 10_000]]


def test_the_setting_compresses_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.conf, "task_compression", "bzip2")
    monkeypatch.delitem(vars(app.amqp), "send_task_message", raising=False)
    io_wait.delay_on_commit("a")
    monkeypatch.delitem(vars(app.amqp), "send_task_message")
    assert loads(Message.objects.get().headers)["compression"] == "application/x-bz2"


def test_the_limit_of_a_message_is_of_what_the_broker_gets() -> None:
    large = "x" * (2 * BODY_LIMIT_BYTES)
    with pytest.raises(MessageTooLarge):
        io_wait.apply_async_on_commit((large,))
    io_wait.apply_async_on_commit((large,), compression="gzip")
    assert arrived(Message.objects.get()).decode()[0] == [large]


@pytest.mark.parametrize(("size", "times"), [(BODY_LIMIT_BYTES // 2, 1), (2 * BODY_LIMIT_BYTES, 2)])
def test_a_call_leaves_compressing_to_the_relay_where_its_body_fits_as_it_is(
    monkeypatch: pytest.MonkeyPatch, size: int, times: int
) -> None:
    seen: list[int] = []
    compress = compression.compress

    def counted(body: Any, kind: str) -> Any:
        seen.append(len(body))
        return compress(body, kind)

    monkeypatch.setattr(compression, "compress", counted)
    io_wait.apply_async_on_commit(("x" * size,), compression="gzip")
    arrived(Message.objects.get())
    assert len(seen) == times


def test_what_no_worker_would_decompress_is_refused_at_the_call() -> None:
    with pytest.raises(MessageTooLarge):
        io_wait.apply_async_on_commit(("x" * LARGEST_BODY_BYTES,), compression="gzip")
    with pytest.raises(CompressionRefused, match="Write gzip, bzip2 or lzma"):
        io_wait.apply_async_on_commit(("x",), compression="brotli")
    assert not Message.objects.exists()


@pytest.mark.parametrize("kind", COMPRESS)
def test_a_worker_decompresses_no_more_than_a_message_may_hold(kind: str) -> None:
    bomb = COMPRESS[kind](b"x" * (LARGEST_BODY_BYTES + 1))
    headers = {"task": io_wait.name, "id": "a", "compression": kind}
    message = Arrived(bomb, headers=headers, content_type="application/json", content_encoding="utf-8")
    assert "too large" in fault_of(message)
    assert message.body == bomb


def test_what_is_cut_off_or_of_another_kind_is_no_message() -> None:
    for body, kind in ((zlib.compress(b"[[], {}, {}]")[:-1], "gzip"), (b"[[], {}, {}]", "bzip2"), (b"", "x")):
        headers = {"task": io_wait.name, "id": "a", "compression": kind}
        message = Arrived(body, headers=headers, content_type="application/json", content_encoding="utf-8")
        assert "cannot be decompressed" in fault_of(message)
