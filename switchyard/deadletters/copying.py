"""Brings in the copy of the dead letters that the pages list, count and search.

To read a queue is to hold what was read. So it is read by a job, one queue at a time, and each is back in its
queue as soon as that was read; what is kept is what lists show, never what a message holds. A copy that was
killed is begun anew, over the rows that it had written.
"""

from collections.abc import Sequence

from django.db import transaction
from kombu import Connection

from switchyard.database import delete_in_batches
from switchyard.deadletters.errors import errors_of
from switchyard.deadletters.jobs import Progress, places_of
from switchyard.deadletters.letter import DeadLetter
from switchyard.deadletters.listing import said
from switchyard.deadletters.models import Copy, Job
from switchyard.deadletters.scan import Scan, Selection, batches
from switchyard.stop import Stop

#: Rows of one statement, and what a copy holds of the queues at most.
BATCH_ROWS = 500
MOST_COPIED = 2_000_000
WRITTEN = ("place", "task", "task_id", "reason", "error", "fault", "deaths", "died_at", "job")
LONGEST = {"task": 255, "task_id": 255, "error": 300, "fault": 300}


def copy(connection: Connection, job: Job, progress: Progress, stop: Stop) -> None:
    """Raises Unavailable, and django.db.Error."""
    for place in places_of(job):
        scan = Scan([place], Selection(), MOST_COPIED, progress)
        scan.stop = stop
        for batch in batches(scan.letters(connection), BATCH_ROWS):
            _write(batch, job)
        if stop.is_set():
            return
        # Those that are not there any more. Who waits for a queue's end sees it whole.
        delete_in_batches(Copy.objects.filter(place=place.name, job__lt=job.pk))


@transaction.atomic
def _write(letters: Sequence[DeadLetter], job: Job) -> None:
    errors = errors_of(letter.task_id for letter in letters)
    rows = {letter.identity: _row(letter, errors.get(letter.task_id, ""), job) for letter in letters}
    Copy.objects.bulk_create(
        rows.values(), update_conflicts=True, unique_fields=["identity"], update_fields=WRITTEN
    )


def _row(letter: DeadLetter, error: str, job: Job) -> Copy:
    text = {
        "task": letter.task,
        "task_id": letter.task_id,
        "error": said(letter, error),
        "fault": letter.fault,
    }
    return Copy(
        identity=letter.identity,
        place=letter.queue,
        reason=letter.reason,
        deaths=letter.deaths,
        died_at=letter.died_at,
        job=job.pk,
        **{name: value[: LONGEST[name]] for name, value in text.items()},
    )
