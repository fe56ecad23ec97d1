"""Defines command lines: of the actions of a verb, and those of ``deadletters``."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping

from switchyard.deadletters.letter import REASONS
from switchyard.deadletters.places import PLACES
from switchyard.routing import QUEUES

ACTIONS = {
    "list": "print the dead letters, without what they hold",
    "show": "print all of one dead letter: its headers, arguments, death history and last traceback",
    "replay": "send them again with the same id, without their past and with all their retries (dry run)",
    "discard": "take them out for good (dry run)",
    "jobs": "print what was asked for lately, on the pages or here, and how far it is",
    "cancel": "stop a job; what it has done stays done",
}


BY = "who is recorded (default: the system's user)"


def add_actions(
    parser: ArgumentParser, texts: Mapping[str, str], *, as_json: str = "print JSON"
) -> dict[str, ArgumentParser]:
    """Each action's own parser, by its name; ``texts`` says what each does."""
    chosen = parser.add_subparsers(dest="action", required=True)
    actions = {name: chosen.add_parser(name, help=text, description=text) for name, text in texts.items()}
    for action in actions.values():
        action.add_argument("--json", action="store_true", dest="as_json", help=as_json)
    return actions


def add_arguments(parser: ArgumentParser) -> None:
    for name, action in add_actions(parser, ACTIONS).items():
        if name in {"jobs", "cancel"}:
            _add_job(action, name)
            continue
        action.add_argument("--queue", choices=PLACES, help="where they died, or unroutable (default: all)")
        if name == "show":
            action.add_argument("task_id", metavar="ID")
            action.add_argument("--limit", type=positive, default=1, help="stop after N (default: 1)")
        else:
            _add_filters(action)
        if name == "list":
            action.add_argument("--groups", action="store_true", help="count by queue, task and reason")
        if name in {"replay", "discard"}:
            action.add_argument("--yes", action="store_true", help="do it, and not just say so")
            action.add_argument("--by", default="", help=BY)
            action.add_argument("--why", default="", help="what is recorded as the reason")
        if name == "replay":
            action.add_argument("--rate", type=rate, default="inf", help="at most, as 50/s")
            action.add_argument("--to", choices=QUEUES, help="this queue (default: where ROUTES sends each)")


def _add_job(action: ArgumentParser, name: str) -> None:
    if name == "cancel":
        action.add_argument("number", metavar="JOB", type=positive)
        action.add_argument("--by", default="", help=BY)
    action.set_defaults(queue=None, limit=None)


def _add_filters(action: ArgumentParser) -> None:
    action.add_argument("--task", help="pattern of the task's name, as in ROUTES")
    action.add_argument("--reason", help=", ".join(REASONS))
    action.add_argument("--id", dest="task_id", help="the task's id")
    action.add_argument("--limit", type=positive, help="stop after N")


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"expected a number from 1, got {text!r}")
    return int(text)


def rate(text: str) -> float:
    if text == "inf":
        return float("inf")
    if not re.fullmatch(r"\d+(\.\d+)?(/s)?", text) or not float(text.removesuffix("/s")):
        raise ArgumentTypeError(f"expected a number a second such as 50/s, got {text!r}")
    return float(text.removesuffix("/s"))
