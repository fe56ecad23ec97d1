"""How the tasks of a report hang together.

count_part 0 ┐
count_part 1 ├─► combine ─► mail_link          any of them failing for good ─► give_up
...          ┘
"""

from typing import Any

from celery import chain, chord
from celery.canvas import Signature

from app.reports.models import Report
from app.reports.tasks import combine, count_part, give_up, mail_link
from switchyard import send_on_commit


def start(report: Report) -> None:
    """Send the tasks of ``report`` with the caller's transaction."""
    send_on_commit(canvas(report))


def canvas(report: Report) -> Signature[Any]:
    key = str(report.pk)
    failed = give_up.si(key)
    parts = [count_part.si(key, index).on_error(failed) for index in range(report.part_count)]
    return chord(parts, chain(combine.si(key).on_error(failed), mail_link.si(key)))
