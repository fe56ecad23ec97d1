"""Where Django's admin looks; what it finds is the room's that people work with."""

from switchyard.ops import admin

__all__ = ["admin"]
