"""What is seen of how a message is written, when it ends and where it goes."""

from uuid import uuid4

from django.db import transaction

from declared import tasks_settings as tasks
from declared.rows import notes, row

COMPRESSED = ["application/x-gzip, 2,000,000 characters"] * 2


@row('`compression="gzip"`', here=COMPRESSED, stock=COMPRESSED)
def compression() -> list[str]:
    key, text = uuid4().hex, "x" * 2_000_000
    tasks.compressed.delay(key, text)
    with transaction.atomic():
        tasks.compressed.delay_on_commit(key, text)
    return notes(key, 2)
