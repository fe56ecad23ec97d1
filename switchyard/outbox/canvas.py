"""Sends all messages of a canvas together: a thousand are one statement, and one refusal refuses all.

Celery sends the parts of a chain, group or chord one by one, and has no hook around them.
"""

from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from typing import Any

from celery.canvas import _chain, chord, group

#: What has not been wrapped yet: each once, however many apps are attached.
_unwrapped: list[Any] = [_chain, group, chord]


def send_canvases_together() -> None:
    """For apps with our AMQP; those of others send as before."""
    while _unwrapped:
        kind = _unwrapped.pop()
        kind.apply_async = _together(kind.apply_async)


def _together(apply_async: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(apply_async)
    def sent_together(canvas: Any, *args: Any, **options: Any) -> Any:
        with getattr(canvas.app.amqp, "together", nullcontext)():
            return apply_async(canvas, *args, **options)

    return sent_together
