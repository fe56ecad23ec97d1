"""A file whose age says how long ago a worker, beat or relay last made progress; a liveness probe reads it.

A ping answers while nothing is consumed. This file is touched by what does the work.
"""

import time
from pathlib import Path

from switchyard.conf import conf


def touch() -> None:
    """Say that progress was made just now."""
    path: Path = conf.HEARTBEAT_FILE
    path.touch()


def age_seconds() -> float | None:
    """Since the last progress; None before the first."""
    path: Path = conf.HEARTBEAT_FILE
    try:
        return max(0.0, time.time() - path.stat().st_mtime)
    except FileNotFoundError:
        return None
