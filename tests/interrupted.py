"""``python -m tests.interrupted``: raises a soft limit at each place of the log's handler; prints how many.

In a process of its own: that which has run many other tests hangs in Python 3.11 itself, which then turns
round and round in an exception that its tracer has raised.
"""

import dis
import io
import logging
import sys
from types import FrameType
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded

from switchyard.worker import log_handler
from switchyard.worker.log_handler import LineHandler

LINES = logging.getLogger("lines")


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


def is_interrupted(nth: int) -> bool:
    """False if there is no such place."""
    interruption = Interruption(nth)
    sys.settrace(interruption)
    try:
        LINES.error("line")
    except SoftTimeLimitExceeded:
        return True
    finally:
        sys.settrace(None)
    assert interruption.left > 0, f"swallowed at place {nth}"
    return False


def main() -> None:
    handler = LineHandler()
    handler.stream = io.StringIO()
    logging.root.handlers = [handler]
    nth = 1
    while is_interrupted(nth):
        assert not handler._turn.locked(), f"place {nth}"
        # A line that was left behind would make more places for the next.
        handler.flush()
        nth += 1
    LINES.error("next")
    assert handler.stream.getvalue().endswith("next\n")
    sys.stdout.write(str(nth - 1))


if __name__ == "__main__":
    main()
