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

from switchyard.deadletters import actions, jobs, listing
from switchyard.deadletters.errors import errors_of, traceback_of
from switchyard.deadletters.letter import DeadLetter
from switchyard.deadletters.models import Deed, Job, State
from switchyard.deadletters.places import places
from switchyard.deadletters.queue import broker
from switchyard.deadletters.scan import BATCH, Scan, Selection, Tally, batches
from switchyard.deadletters.turn import Turn
from switchyard.ops.audit import note
from switchyard.ops.commands.arguments import add_arguments
from switchyard.ops.console import Progress, stopped_by_signals, user_name
from switchyard.ops.format import table
from switchyard.ops.job import as_object, chords_over
from switchyard.outage import NotYet, Unavailable
from switchyard.routing import QUEUES

#: Jobs that are listed.
SHOWN = 20


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
        if action in {"jobs", "cancel"}:
            with _needs_met():
                self._jobs(options.get("number"))
            return
        selection = Selection(options.get("task"), options.get("reason"), options.get("task_id"))
        self.progress = Progress(sys.stderr)
        self.scan = Scan(places(queue), selection, limit, self.progress)
        self.meant = {"place": queue or "", "most": limit}
        self.meant |= {name: options.get(name) or "" for name in ("task", "reason", "task_id", "to", "why")}
        work = {"list": self._list, "show": self._show, "replay": self._replay, "discard": self._discard}
        with stopped_by_signals(self.scan.stop), _needs_met(), Turn() as turn:
            self._await(turn)
            with broker() as connection:
                work[action](connection)
        if self.scan.stop.is_set():
            raise CommandError("Interrupted; what was looked at is back in its queue.", returncode=1)

    def _await(self, turn: Turn) -> None:
        """What somebody else walks through is out of sight meanwhile. Without a database nobody is asked."""
        said = 0
        try:
            while not turn.take() and not self.scan.stop.is_set():
                job = jobs.open_jobs().filter(state=State.RUNNING).first()
                if job and job.pk != said:
                    self.stderr.write(f"Waits for job {job.pk}: {job.deed} by {job.by}.")
                    said = job.pk
                self.scan.stop.wait(0.2)
        except (NotYet, django.db.Error):
            return

    def _jobs(self, number: int | None) -> None:
        """What was asked for lately; or one, after it was cancelled."""
        if number is not None:
            job = Job.objects.filter(pk=number).first()
            if job is None or not jobs.cancel(job, self.options["by"] or user_name()):
                raise CommandError(f"No job {number} waits or runs.", returncode=1)
        found = jobs.recent_jobs(SHOWN) if number is None else Job.objects.filter(pk=number)
        rows = [as_object(job) for job in found]
        self._say(json.dumps(rows) if self.options["as_json"] else table(rows))

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
        self._act(connection, Deed.REPLAY, replay, why_not, self.options["rate"])

    def _discard(self, connection: Connection) -> None:
        self._act(connection, Deed.DISCARD, actions.discard, lambda _: "", float("inf"))

    def _act(self, connection: Connection, verb: Deed, act: Any, why_not: Any, rate: float) -> None:
        """Do it, or with no --yes walk the same way and only count."""
        done, refused = Tally(), Tally()
        by = self.options["by"] or user_name()
        noted = self._begun(verb, by, rate) if self.options["yes"] else None

        def accepts(letter: DeadLetter) -> bool:
            why = why_not(letter)
            if why:
                refused.add(letter, why)
                if noted:
                    noted.refuse(why)
            return not why

        state = State.FAILED
        try:
            if noted:
                touched = self.scan.act(connection, accepts, partial(act, by=by, job=noted.job), rate)
            else:
                touched = self.scan.letters(connection, accepts)
            for letter in touched:
                done.add(letter)
            state = State.CANCELLED if self.scan.stop.is_set() else State.DONE
        finally:
            self.progress.end()
            self._report(verb, done, refused, real=noted is not None)
            if noted:
                noted.end(state)
                if done.total:
                    note(verb, "dead letters", who=by, whence="command", after=done.total)
        if noted:
            self._warn(noted.job)
        if refused.total:
            raise CommandError(f"{refused.total} dead letters cannot be replayed; they stay.", returncode=1)

    def _begun(self, verb: Deed, by: str, rate: float) -> jobs.Progress:
        """The row by which it is seen on the pages, and goes on elsewhere if this process is killed."""
        job = jobs.ask(verb, by, rate=None if rate == float("inf") else rate, **self.meant)
        noted = self.scan.progress = jobs.Progress(job, self.scan.stop, also=self.progress)
        noted.begin()
        return noted

    def _warn(self, job: Job) -> None:
        """Of what was replayed and cannot mend what it belongs to."""
        job.refresh_from_db()
        if job.chords_over:
            self.stderr.write(chords_over(job.chords_over))

    def _report(self, verb: Deed, done: Tally, refused: Tally, *, real: bool) -> None:
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
