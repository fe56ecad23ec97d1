"""The log's lines from many threads: all of them, whole, and only their writer waits for a slow stderr."""

import dis
import io
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from select import PIPE_BUF
from types import FrameType
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from switchyard.worker import log_handler
from switchyard.worker.log_handler import LineHandler, together


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


def test_lines_that_nobody_reads_are_bounded_and_those_beyond_are_counted(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_handler, "MOST_LINES", 10)
    stream.open.clear()
    writer = threading.Thread(target=log, args=("first",))
    writer.start()
    assert stream.entered.wait(30)
    for number in range(25):
        log(str(number))
    stream.open.set()
    writer.join()
    said = stream.getvalue().splitlines()
    assert said[:11] == ["first", *map(str, range(10))]
    assert "log_lines_dropped" in said[11]
    assert "15" in said[11]
    log("last")
    assert stream.getvalue().splitlines()[12:] == ["last"]


class Interruption:
    """Raises SoftTimeLimitExceeded in the handler's code, at the ``nth`` place where Python would raise what
    another thread has sent: after a call, and where a function or a turn of a loop begins.
    """

    PLACES = ("CALL", "JUMP_BACKWARD", "RESUME")

    def __init__(self, nth: int) -> None:
        self.left = nth
        self._last: dict[FrameType, str] = {}

    def __call__(self, frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != log_handler.__file__:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            before = self._last.get(frame, "")
            self._last[frame] = dis.opname[frame.f_code.co_code[frame.f_lasti]]
            self.left -= before.startswith(self.PLACES)
            if before.startswith(self.PLACES) and self.left == 0:
                raise SoftTimeLimitExceeded
        return self


def log_and_interrupt(nth: int) -> bool:
    """False if there is no such place."""
    interruption = Interruption(nth)
    before = sys.gettrace()
    sys.settrace(interruption)
    try:
        log("line")
    except SoftTimeLimitExceeded:
        return True
    finally:
        sys.settrace(before)
    assert interruption.left > 0, f"swallowed at place {nth}"
    return False


def test_a_soft_limit_in_the_midst_of_a_line_arrives_and_leaves_the_log_to_others(stream: Stream) -> None:
    nth = 1
    while log_and_interrupt(nth):
        assert not logging.root.handlers[0]._turn.locked(), f"place {nth}"
        # A line that was left behind would make more places for the next, and so on for ever.
        logging.root.handlers[0].flush()
        nth += 1
    assert nth > 10
    log("next")
    assert stream.getvalue().endswith("next\n")


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
