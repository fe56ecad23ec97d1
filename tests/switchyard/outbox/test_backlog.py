"""What waits is counted by as many steps however much it is, and said to be about right from then on."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from switchyard.ops.format import amount
from switchyard.outbox import backlog
from switchyard.outbox.backlog import backlogs, quarantined_count
from switchyard.outbox.models import Message
from tests.blocks import blocks_read_by
from tests.switchyard.relay.instant import fill, read_by

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_few_are_counted_and_of_many_the_number_is_about_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "COUNTED", 500)
    for _ in range(10):
        fill(400, "io")
        fill(100, "cpu")
    fill(7, "of another release")
    # A third of one queue has gone, here and there.
    Message.objects.filter(queue="cpu", task_id__regex="[147]$").delete()
    left = Message.objects.filter(queue="cpu").count()
    found = {each.queue: each for each in backlogs()}
    assert found["of another release"].waiting == 7
    assert not found["of another release"].estimated
    assert (found["io"].estimated, found["cpu"].estimated) == (True, True)
    assert found["io"].waiting == pytest.approx(4000, rel=0.15)
    assert found["cpu"].waiting == pytest.approx(left, rel=0.35)
    assert amount(found["io"]).startswith("about ")


def test_counting_reads_the_same_of_twice_as_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "COUNTED", 500)
    fill(4000)
    once = read_by(backlogs)
    fill(4000)
    assert read_by(backlogs) <= 1.1 * once <= 4400


def test_status_says_about_where_it_is_an_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "COUNTED", 50)
    fill(2000)
    said, parsed = StringIO(), StringIO()
    call_command("switchyard", "outbox", "status", stdout=said)
    assert "about 2,000" in said.getvalue()
    call_command("switchyard", "outbox", "status", "--json", stdout=parsed)
    [io] = json.loads(parsed.getvalue())["waiting"]
    assert (io["queue"], io["waiting"], io["estimated"]) == ("io", 2000, True)


def test_what_is_in_quarantine_is_counted_without_reading_what_waits() -> None:
    """Whatever the statistics say: there are none of what has just come."""
    fill(5000)
    Message.objects.filter(pk__in=Message.objects.values("pk")[:3]).update(quarantined_at=timezone.now())
    found = []
    assert blocks_read_by(lambda: found.append(quarantined_count())) <= 30
    assert found == [3]
