"""Lists, shows, replays and discards dead letters."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import django.db
from django.core.management.base import BaseCommand, CommandError, CommandParser
from kombu import Connection

from switchyard.deadletters import actions, listing
from switchyard.deadletters.errors import errors_of, traceback_of
from switchyard.deadletters.letter import DeadLetter
from switchyard.deadletters.places import places
from switchyard.deadletters.queue import broker
from switchyard.deadletters.scan import BATCH, Scan, Selection, Tally, batches
from switchyard.ops.audit import note
from switchyard.ops.commands.arguments import add_arguments
from switchyard.ops.console import Progress, stopped_by_signals, user_name
from switchyard.ops.format import table
from switchyard.outage import Unavailable
from switchyard.routing import QUEUES


class Command(BaseCommand):
    help = (
        "What failed for good, and (--queue unroutable) what found no queue. A message that is looked at is "
        "held, and nobody else sees it, until its queue has been walked through. Exit code: 0 done, 1 "
        "something could not be done or was interrupted, 2 usage, 3 broker or database away."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_arguments(parser)

    def handle(self, *, action: str, queue: str | None, limit: int | None, **options: Any) -> None:
        self.options = options
        selection = Selection(options.get("task"), options.get("reason"), options.get("task_id"))
        self.progress = Progress(sys.stderr)
        self.scan = Scan(places(queue), selection, limit, self.progress)
        work = {"list": self._list, "show": self._show, "replay": self._replay, "discard": self._discard}
        with stopped_by_signals(self.scan.stop), _needs_met(), broker() as connection:
            work[action](connection)
        if self.scan.stop.is_set():
            raise CommandError("Interrupted; what was looked at is back in its queue.", returncode=1)

    def _list(self, connection: Connection) -> None:
        letters = self.scan.letters(connection)
        if self.options["groups"]:
            tally = Tally()
            for letter in letters:
                tally.add(letter)
            self.progress.end()
            self._say(json.dumps(tally.rows()) if self.options["as_json"] else table(tally.rows()))
            return
        if not self.options["as_json"]:
            self._say(listing.HEAD)
        for batch in batches(letters, BATCH):
            errors = self._errors_of(batch)
            self.progress.end()
            line = _json_line if self.options["as_json"] else listing.line
            for letter in batch:
                self._say(line(letter, errors.get(letter.task_id, "")))

    def _show(self, connection: Connection) -> None:
        shown = 0
        for letter in self.scan.letters(connection):
            error = errors_of([letter.task_id]).get(letter.task_id, "")
            found = listing.details(letter, error, traceback_of(letter.task_id))
            self._say(json.dumps(found) if self.options["as_json"] else "\n".join(listing.sections(found)))
            shown += 1
        if not shown and not self.scan.stop.is_set():
            raise CommandError(
                f"No dead letter that waits has the id {self.options['task_id']}. `deadletters list` prints "
                "those that wait; one that another operator is looking at is not among them.",
                returncode=1,
            )

    def _replay(self, connection: Connection) -> None:
        to = QUEUES.get(self.options["to"])
        replay, why_not = partial(actions.replay, to=to), partial(actions.why_not_replayed, to=to)
        self._act(connection, "replay", replay, why_not, self.options["rate"])

    def _discard(self, connection: Connection) -> None:
        self._act(connection, "discard", actions.discard, lambda _: "", float("inf"))

    def _act(self, connection: Connection, verb: str, act: Any, why_not: Any, rate: float) -> None:
        """Do it, or with no --yes walk the same way and only count."""
        done, refused, real = Tally(), Tally(), self.options["yes"]
        by = self.options["by"] or user_name()

        def accepts(letter: DeadLetter) -> bool:
            why = why_not(letter)
            if why:
                refused.add(letter, why)
            return not why

        try:
            if real:
                touched = self.scan.act(connection, accepts, partial(act, by=by), rate)
            else:
                touched = self.scan.letters(connection, accepts)
            for letter in touched:
                done.add(letter)
        finally:
            self.progress.end()
            if real and done.total:
                note(verb, "dead letters", who=by, whence="command", after=done.total)
            self._report(verb, done, refused, real=real)
        if refused.total:
            raise CommandError(f"{refused.total} dead letters cannot be replayed; they stay.", returncode=1)

    def _report(self, verb: str, done: Tally, refused: Tally, *, real: bool) -> None:
        if self.options["as_json"]:
            counts = {"count": done.total, "groups": done.rows(), "refused": refused.rows("why")}
            self._say(json.dumps({"verb": verb, "dry_run": not real, **counts}))
            return
        self._say(table(done.rows()))
        if refused.total:
            self._say(f"Not possible:\n{table(refused.rows('why'))}")
        did = f"{verb}ed {done.total} dead letters."
        would = f"Would {verb} {done.total} dead letters. Nothing was changed: add --yes to do it."
        self._say(did.capitalize() if real else would)

    def _errors_of(self, batch: list[DeadLetter]) -> dict[str, str]:
        """The list is worth having without them, when the database is what is broken."""
        try:
            return errors_of(letter.task_id for letter in batch)
        except django.db.Error as error:
            self.stderr.write(f"Errors are not shown: the database did not answer ({type(error).__name__}).")
            return {}

    def _say(self, text: str) -> None:
        try:
            self.stdout.write(text)
        except BrokenPipeError:
            # `| head` has seen enough. The rest, and what Python flushes as it ends, has nowhere to go.
            self.scan.stop.set()
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _needs_met() -> Iterator[None]:
    try:
        yield
    except django.db.Error as error:
        what = str(error).strip().partition("\n")[0]
        raise Unavailable(
            f"The database did not answer ({what}). Nothing is lost; run this again."
        ) from error


def _json_line(letter: DeadLetter, error: str) -> str:
    return json.dumps(listing.summary(letter, error))
