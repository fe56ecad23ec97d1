"""A chord's body runs once, after its parts, whatever order and however often they run."""

from celery import chord

from tests.gallery.models import Run
from tests.gallery.tasks import join, part
from tests.live.processes import Processes, eventually


def joined() -> list[str]:
    return list(
        Run.objects.filter(key__startswith="sum:", finished__isnull=False).values_list("key", flat=True)
    )


def test_a_chord_finishes_when_its_parts_finish_out_of_order_and_one_is_retried(yard: Processes) -> None:
    yard.worker("cpu", "--concurrency=3")
    chord([part.s("slow", 1.5, False), part.s("twice", 0.1, True), part.s("fast", 0, False)])(join.s("sum"))
    eventually(joined)
    assert joined() == ["sum:slow,twice,fast"]
