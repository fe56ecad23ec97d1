"""The log's lines from many threads: all of them, whole, and only their writer waits for a slow stderr."""

import io
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from select import PIPE_BUF
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from switchyard.worker.log_handler import MOST_CHARACTERS, LineHandler, leave_turn, together


class Stream(io.StringIO):
    """Keeps its writes, and stands still in one as long as ``open`` is not set."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Event()

    @property
    def writes(self) -> int:
        return len(self.texts)

    def write(self, text: str) -> int:
        self.texts.append(text)
        self.entered.set()
        assert self.open.wait(30)
        return super().write(text)


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stream]:
    """Where the lines of the logger ``lines`` go."""
    handler = LineHandler()
    handler.stream = Stream()
    monkeypatch.setattr(logging.root, "handlers", [handler])
    yield handler.stream
    handler.stream.open.set()


def log(text: str) -> None:
    logging.getLogger("lines").error(text)


def test_lines_of_many_threads_are_all_there_and_whole(stream: Stream) -> None:
    def work(name: int) -> None:
        for number in range(200):
            log(f"{name}-{number}")

    threads = [threading.Thread(target=work, args=(name,)) for name in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = stream.getvalue().splitlines()
    assert sorted(lines) == sorted(f"{name}-{number}" for name in range(20) for number in range(200))
    for name in range(20):
        assert [line for line in lines if line.startswith(f"{name}-")] == [f"{name}-{n}" for n in range(200)]


def test_a_thread_does_not_wait_while_another_writes_and_its_line_follows(stream: Stream) -> None:
    stream.open.clear()
    writer = threading.Thread(target=log, args=("first",))
    writer.start()
    assert stream.entered.wait(30)
    log("second")
    log("third")
    stream.open.set()
    writer.join()
    assert stream.getvalue() == "first\nsecond\nthird\n"
    assert stream.writes == 2


def test_while_stderr_takes_nothing_lines_wait_up_to_a_bound_and_the_rest_is_counted(stream: Stream) -> None:
    """A reader of the pipe that stood still took 117 MiB of a worker's memory."""
    handler = logging.root.handlers[0]
    assert isinstance(handler, LineHandler)
    handler.setFormatter(Counted())
    stream.open.clear()
    writer = threading.Thread(target=log, args=("first",))
    writer.start()
    assert stream.entered.wait(30)
    line = "x" * (MOST_CHARACTERS // 200)
    for _ in range(1000):
        log(line)
    assert sum(map(len, handler._lines)) <= MOST_CHARACTERS + 2 * len(line)
    stream.open.set()
    writer.join()
    log("last")
    lines = stream.getvalue().splitlines()
    [said] = [each for each in lines if each.startswith("log_lines_dropped")]
    assert lines.count(line) + int(said.rpartition(" ")[2]) == 1000
    assert 100 < lines.count(line) < 250
    assert lines[-1] == "last"


class Counted(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return f"{record.getMessage()} {getattr(record, 'count', '')}".rstrip()


class InterruptedTurn:
    """A turn whose taker is interrupted, once, when it has it: by a soft limit that was raised into it."""

    def __init__(self, turn: Any) -> None:
        self.turn = turn
        self.interrupted = False

    def acquire(self, blocking: bool = True) -> bool:
        taken: bool = self.turn.acquire(blocking=blocking)
        if taken and not self.interrupted:
            self.interrupted = True
            raise SoftTimeLimitExceeded
        return taken

    def __getattr__(self, name: str) -> Any:
        return getattr(self.turn, name)

    def __enter__(self) -> None:
        self.turn.acquire()

    def __exit__(self, *_: object) -> None:
        self.turn.release()


def test_a_thread_that_is_interrupted_in_its_turn_leaves_it_to_others(stream: Stream) -> None:
    handler = logging.root.handlers[0]
    assert isinstance(handler, LineHandler)
    handler._turn = InterruptedTurn(handler._turn)  # type: ignore[assignment]
    with pytest.raises(SoftTimeLimitExceeded):
        log("first")
    other = threading.Thread(target=log, args=("second",), daemon=True)
    other.start()
    other.join(30)
    assert stream.getvalue() == "first\nsecond\n"


def test_a_turn_that_was_left_behind_is_given_up_when_the_call_ends(stream: Stream) -> None:
    """Or when the thread writes its next line."""
    handler = logging.root.handlers[0]
    assert isinstance(handler, LineHandler)
    for give_up in (leave_turn, lambda: log("own")):
        assert handler._turn.acquire(blocking=False)
        give_up()
        other = threading.Thread(target=log, args=("other",), daemon=True)
        other.start()
        other.join(30)
    assert stream.getvalue() == "other\nown\nother\n"


def test_together_is_one_write(stream: Stream) -> None:
    with together():
        for number in range(100):
            log(str(number))
    assert stream.writes == 1
    assert stream.getvalue().splitlines() == [str(number) for number in range(100)]


def test_no_write_is_larger_than_a_pipe_takes_whole_and_none_cuts_a_line(stream: Stream) -> None:
    """Other processes of the same container write to the same pipe."""
    lines = ["ü" * 200, "\ud800", "x" * 10_000, *(f"{number:0300}" for number in range(40)), "y"]
    with together():
        for line in lines:
            # Not by a logger: pytest's own handlers cannot pass such text on.
            logging.root.handlers[0].handle(logging.makeLogRecord({"msg": line}))
    assert stream.getvalue().splitlines() == lines
    sizes = [len(text.encode(errors="replace")) for text in stream.texts]
    assert all(text.endswith("\n") for text in stream.texts)
    assert [size for size in sizes if size > PIPE_BUF] == [10_001]
    assert len(sizes) == 6


def fail() -> None:
    log("before")
    raise ZeroDivisionError


def test_an_error_inside_together_keeps_its_lines(stream: Stream) -> None:
    with pytest.raises(ZeroDivisionError), together():
        fail()
    log("after")
    assert stream.getvalue() == "before\nafter\n"


def test_flush_writes_what_is_left(stream: Stream) -> None:
    handler = logging.root.handlers[0]
    assert isinstance(handler, LineHandler)
    handler._lines.append("left\n")
    handler.flush()
    assert stream.getvalue() == "left\n"


class Particular(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        if record.msg == "bad":
            raise ValueError(record.msg)
        return super().format(record)


def test_a_line_that_cannot_be_made_stops_nobody(stream: Stream, capsys: pytest.CaptureFixture[str]) -> None:
    logging.root.handlers[0].setFormatter(Particular())
    log("bad")
    log("next")
    assert stream.getvalue() == "next\n"
    assert "Logging error" in capsys.readouterr().err


def test_a_child_that_was_forked_while_a_thread_wrote_has_lines_of_its_own() -> None:
    program = """
import logging, os
from switchyard.worker.log_handler import LineHandler
handler = LineHandler()
logging.root.addHandler(handler)
with handler.together():
    logging.error("parent")
    if os.fork() == 0:
        logging.error("child")
        os._exit(0)
    os.wait()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stderr == "child\nparent\n"
