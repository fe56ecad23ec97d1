"""Computes how long to leave something alone that refuses."""

import random
import time

FIRST_SECONDS = 0.25
#: Short, because what waits is real work and one question is cheap.
LONGEST_SECONDS = 5.0


class Backoff:
    """Doubles with each failure, with jitter, so that several relays do not come at the same moment."""

    def __init__(self) -> None:
        self.failures = 0
        self._until = 0.0

    def fail(self) -> float:
        """Returns the seconds to wait."""
        longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(self.failures, 16))
        seconds: float = longest * random.uniform(0.5, 1)  # noqa: S311 - jitter
        self.failures += 1
        self._until = time.monotonic() + seconds
        return seconds

    def reset(self) -> None:
        self.failures = 0
        self._until = 0.0

    def over(self) -> bool:
        return time.monotonic() >= self._until
