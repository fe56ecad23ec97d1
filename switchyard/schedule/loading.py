"""Has `loaddata` put the clock of an entry in the place of the one that a trigger has just made for it.

Where the entry is loaded first, that one has another number, and an entry has one clock.
"""

from typing import Any

from django.db.models.signals import pre_save

from switchyard.schedule.models import Clock


def connect() -> None:
    pre_save.connect(_make_room, sender=Clock)


def _make_room(*, instance: Clock, raw: bool, using: str, **_: Any) -> None:
    if raw:
        Clock.objects.using(using).filter(entry=instance.entry_id).exclude(pk=instance.pk).delete()
