"""The log's lines from many threads: all of them, whole, and only their writer waits for a slow stderr."""

import io
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from select import PIPE_BUF

import pytest

from switchyard.worker import log_handler
from switchyard.worker.log_handler import LineHandler, together

ROOT = Path(__file__).resolve().parents[3]


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


def test_a_soft_limit_in_the_midst_of_a_line_arrives_and_leaves_the_log_to_others() -> None:
    command = [sys.executable, "-m", "tests.interrupted"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) > 10


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
