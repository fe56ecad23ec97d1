"""Whatever is sent to a page of operations, it is answered: no field or address is a fault of the service."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from switchyard.ops import letter
from switchyard.ops.search import Found

pytestmark = pytest.mark.django_db

ROOT = "/admin/switchyard/operations/"
#: What the forms of the pages hold, as somebody would send it.
DEED = {
    "queue": "",
    "task": "a",
    "reason": "",
    "id": "1",
    "count": "1",
    "why": "w",
    "typed": "1",
    "died_by": "",
}
SENT = {
    "dead-letters/replay/": DEED,
    "dead-letters/discard/": DEED,
    "schedule/run-now/": {"entry": "a"},
    "outbox/requeue/": DEED,
    "outbox/discard/": DEED,
}
ASKED = [
    *("", "dead-letters/", "dead-letters/of/%00/", "dead-letters/of/a%00b/", "schedule/", "outbox/"),
    *("dead-letters/jobs/", f"dead-letters/jobs/{'9' * 40}/", *SENT),
]
#: No text of PostgreSQL's has the first, none of its numbers is as large as the second.
ODD = ("\0", "9" * 40)


@pytest.fixture(autouse=True)
def nothing_is_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the place of the broker, which the run of this file needs for nothing else."""
    monkeypatch.setattr(letter, "search", lambda *_: Found())


@pytest.fixture
def client() -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("on call"))
    return client


def variants(fields: dict[str, str]) -> list[dict[str, str]]:
    return [{**fields, name: odd} for name in fields for odd in ODD]


@pytest.mark.parametrize("address", SENT)
def test_whatever_is_sent_is_answered(client: Client, address: str) -> None:
    for fields in variants(SENT[address]):
        assert client.post(ROOT + address, fields).status_code < 500, fields


@pytest.mark.parametrize("address", ASKED)
def test_whatever_is_asked_for_is_answered(client: Client, address: str) -> None:
    for fields in variants({"queue": "", "task": "", "reason": "", "id": "", "entry": "", "minutes": "15"}):
        assert client.get(ROOT + address, fields).status_code != 500, fields
