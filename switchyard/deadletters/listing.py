"""Formats dead letters for people and for programs. Only ``details`` shows what a message holds."""

import json
from collections.abc import Iterator
from typing import Any

from switchyard.deadletters.letter import DeadLetter
from switchyard.text import printable

#: Characters of an error in one line, and bytes of a body that is not JSON.
LONGEST_ERROR = 200
BODY_START = 500
#: Levels of lists and tables that are shown.
DEEPEST = 50

HEAD = f"{'died at':19}  {'queue':5}  {'reason':14}  {'deaths':>6}  {'task':32}  {'id':36}  error"


def summary(letter: DeadLetter, error: str) -> dict[str, Any]:
    """One object for each dead letter, without anything of its payload."""
    return {
        "task": letter.task or None,
        "id": letter.task_id or None,
        "queue": letter.queue,
        "reason": letter.reason or None,
        "died_at": letter.died_at.isoformat() if letter.died_at else None,
        "deaths": letter.deaths,
        "fault": letter.fault or None,
        "error": said(letter, error) or None,
    }


def line(letter: DeadLetter, error: str) -> str:
    """The same on one line of a terminal; ``-`` where nothing is known."""
    died = f"{letter.died_at:%Y-%m-%d %H:%M:%S}" if letter.died_at else "-"
    why = said(letter, error) or (f"({letter.fault})" if letter.fault else "-")
    return printable(
        f"{died:19}  {letter.queue:5}  {letter.reason or '-':14}  {letter.deaths:6}  "
        f"{letter.task or '-':32}  {letter.task_id or '-':36}  {why[:LONGEST_ERROR]}"
    )


def details(letter: DeadLetter, error: str, traceback: str) -> dict[str, Any]:
    """All of one dead letter, its arguments included. A body that is no task's is neither decoded nor run."""
    message = letter.message
    return {
        **summary(letter, error),
        "history": [
            {
                "queue": death.queue,
                "reason": death.reason,
                "count": death.count,
                "at": death.at.isoformat() if death.at else None,
            }
            for death in letter.history
        ],
        "headers": _plain(letter.headers),
        "content_type": message.content_type,
        "content_encoding": message.content_encoding,
        "size": len(letter.body),
        **_body(letter),
        "traceback": traceback or None,
    }


def sections(found: dict[str, Any]) -> Iterator[str]:
    """What ``details`` returns, for a terminal."""
    for name, value in found.items():
        if isinstance(value, dict | list):
            yield printable(f"{name}:")
            yield printable(json.dumps(value, indent=2, ensure_ascii=False), lines=True)
        elif value is not None and name == "traceback":
            yield printable(f"{name}:\n{value}", lines=True)
        else:
            yield printable(f"{name}: {'-' if value is None else value}")


def said(letter: DeadLetter, error: str) -> str:
    """Why it is there, as far as anybody knows."""
    return f"found no queue {letter.meant_for}" if letter.unrouted else error


def _body(letter: DeadLetter) -> dict[str, Any]:
    if letter.fault:
        return {"body_start": letter.body[:BODY_START].decode("ascii", "backslashreplace")}
    args, kwargs, options = letter.message.decode()
    return {"args": _plain(args), "kwargs": _plain(kwargs), "options": _plain(options)}


def _plain(value: Any, depth: int = 0) -> Any:
    """As JSON can hold it: headers may hold dates and bytes, and keys that are no text."""
    if depth > DEEPEST:
        return "(deeper)"
    if isinstance(value, dict):
        return {str(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, depth + 1) for item in value]
    return value if value is None or isinstance(value, str | int | float) else str(value)
