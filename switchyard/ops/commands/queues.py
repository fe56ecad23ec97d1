"""Says which queue grows, since when, and when it will be empty."""

import json
from argparse import ArgumentTypeError

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from switchyard.broker.management import Management, ManagementError
from switchyard.conf import conf
from switchyard.ops import timeouts
from switchyard.ops.console import stopped_by_signals
from switchyard.ops.history import STEPS
from switchyard.ops.overview import BROKER, Overview, collect, read_broker
from switchyard.ops.reading import Question
from switchyard.ops.terminal import document, lines
from switchyard.outage import Unavailable
from switchyard.stop import Stop

CLEAR = "\x1b[H\x1b[2J\x1b[3J"


class Command(BaseCommand):
    help = (
        "Which queue grows, since when, and when it will be empty. Rates are means of the last minute; "
        "counts are up to 10 s old. Exit code: 0 done, 2 usage, 3 the broker is away."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--watch", action="store_true", help="show it again and again until Ctrl-C")
        form.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")
        parser.add_argument("--interval", type=seconds, default=5.0, metavar="SECONDS", help="of --watch")

    def handle(self, *, watch: bool, as_json: bool, interval: float, **_: object) -> None:
        try:
            management = Management.from_settings(timeout_seconds=timeouts.PAGE_SECONDS)
        except ManagementError as error:
            raise Unavailable(str(error)) from error
        with management:
            if watch:
                self._watch(management, interval)
            elif as_json:
                self.stdout.write(json.dumps(document(_read(management), timezone.now()), indent=2))
            else:
                self.stdout.write(self._text(_read(management)))

    def _watch(self, management: Management, interval: float) -> None:
        """A broker that goes away is said, and looked for again."""
        stop = Stop()
        with stopped_by_signals(stop):
            while not stop.is_set():
                try:
                    text = self._text(_read(management))
                except Unavailable as away:
                    text = f"{timezone.now():%Y-%m-%d %H:%M:%S} UTC   {away}"
                self.stdout.write(f"{CLEAR}{text}" if self.stdout.isatty() else f"{text}\n")
                self.stdout.flush()
                stop.wait(interval)

    def _text(self, facts: Overview) -> str:
        colour = self.stdout.isatty() and not conf.NO_COLOR
        return "\n".join(lines(facts, timezone.now(), colour=colour))


def seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0.5 <= number <= 3600:
        raise ArgumentTypeError(f"expected seconds from 0.5 to 3600, got {text!r}")
    return number


def _read(management: Management) -> Overview:
    """Raises Unavailable: without the broker there is nothing to list."""
    found = collect(Question(BROKER, lambda: read_broker(management, min(STEPS))))
    if found.sources[0].trouble:
        raise Unavailable(found.sources[0].trouble)
    return found
