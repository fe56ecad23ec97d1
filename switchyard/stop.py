"""Lets a signal end a loop that waits.

``threading.Event`` must not be set by a signal's handler: its lock may be held by the very code that the
signal has interrupted, and then the process waits for itself for ever.
"""

import time

#: How late a wait may notice.
LOOK_SECONDS = 0.1


class Stop:
    """As much of ``threading.Event`` as a loop needs. Whoever sets it, and when, nothing is locked."""

    def __init__(self) -> None:
        self._set = False

    def set(self) -> None:
        """May be called by a signal's handler, and by any thread."""
        self._set = True

    def is_set(self) -> bool:
        return self._set

    def wait(self, seconds: float = float("inf")) -> bool:
        """Return when it is set, at the latest after so many seconds; whether it is."""
        deadline = time.monotonic() + seconds
        while not self._set and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, LOOK_SECONDS))
        return self._set
