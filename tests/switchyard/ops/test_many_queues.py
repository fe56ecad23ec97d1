"""A page of two hundred queues is as long as somebody reads, and what is wrong stands first."""

import re
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from switchyard.metrics.state import QueueState
from switchyard.ops import queues
from switchyard.ops.overview import Overview, QueueOverview
from switchyard.routing import QUEUES

ADDRESS = "/admin/switchyard/operations/"
COUNT = 200
#: By their numbers.
BAD, DEAD = {17, 150}, {3, 99}


def queue(number: int) -> QueueOverview:
    spec = replace(QUEUES["io"], name=f"queue-{number:03}")
    state = QueueState(spec.name, True, 10, 0, 0, 1, growth_rate=0.0, dead_letters=0)
    if number in BAD:
        state = replace(state, messages_ready=5, consumers=0)
    if number in DEAD:
        state = replace(state, dead_letters=7)
    return QueueOverview(spec, state, (), None)


@pytest.fixture
def ada(db: None, monkeypatch: pytest.MonkeyPatch) -> Client:
    found = Overview([queue(number) for number in range(COUNT)], [], 0, 0, 0)
    monkeypatch.setattr(queues, "collect", lambda _: found)
    client = Client()
    client.force_login(User.objects.create_superuser("ada"))
    return client


def names(client: Client, query: str = "") -> list[str]:
    page: Any = client.get(f"{ADDRESS}{query}").content.decode()
    return re.findall(r"\?name=(queue-\d+)", page) or re.findall(r'<h2 id="queue-(queue-\d+)"', page)


def test_the_worst_stand_first_and_a_page_ends(ada: Client) -> None:
    shown = names(ada)
    assert shown[:4] == ["queue-017", "queue-150", "queue-003", "queue-099"]
    assert len(shown) == queues.ROWS
    everything = [name for number in range(1, 5) for name in names(ada, f"?page={number}")]
    assert sorted(everything) == [f"queue-{number:03}" for number in range(COUNT)]
    page = ada.get(ADDRESS).content.decode()
    assert "2 of 200 queues bad: queue-017, queue-150." in page
    assert "Page 1 of 4" in page


def test_they_are_found_by_a_part_of_the_name_and_by_state(ada: Client) -> None:
    assert names(ada, "?state=bad") == ["queue-017", "queue-150"]
    assert names(ada, "?state=warning&name=09") == ["queue-099"]
    assert names(ada, "?name=QUEUE-01") == ["queue-017", *(f"queue-{n:03}" for n in range(10, 20) if n != 17)]
    assert names(ada, "?name=nowhere") == []
    assert names(ada, "?state=odd&page=odd&minutes=odd")[:1] == ["queue-017"]
