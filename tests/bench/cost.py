"""What one of many costs: a task its worker, or a row its relay."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Cost:
    cpu_us: float
    per_second: float

    @classmethod
    def between(cls, begun: dict[str, Any], done: dict[str, Any], count: int) -> "Cost":
        """Of so many tasks between two readings of the task ``mark``."""
        used, seconds = done["cpu_seconds"] - begun["cpu_seconds"], done["at"] - begun["at"]
        return cls(used / count * 1e6, count / seconds)
