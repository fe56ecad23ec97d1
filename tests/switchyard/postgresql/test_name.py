"""Who looks at the sessions of the database sees whose each is."""

import pytest
from django.db import connection

from switchyard.metrics.transactions import read_transactions
from switchyard.pooler import connected
from switchyard.postgresql import name as names

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def relay_of_a_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "_told", ["relay"])
    monkeypatch.setattr(names, "gethostname", lambda: "relay-6c9d7f-x2x4z")


def seen(**parameters: str) -> str:
    with connected(**parameters) as link:
        row = link.execute(
            "SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        ).fetchone()
    return str(row[0]) if row else ""


def test_a_session_is_named_after_its_role_and_pod() -> None:
    assert seen() == "relay @relay-6c9d7f-x2x4z"
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("SHOW application_name")
        assert cursor.fetchone() == ("relay @relay-6c9d7f-x2x4z",)
    connection.close()


def test_a_name_of_somebodys_own_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    assert seen(application_name="a report") == "a report"
    monkeypatch.setenv("PGAPPNAME", "of the environment")
    assert seen() == "of the environment"


def test_a_name_fits_whatever_the_host_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "gethostname", lambda: "h" * 253)
    assert seen() == f"relay @{'h' * 56}"


def test_a_transaction_is_a_roles_whichever_pod_has_it() -> None:
    """The alert is for one that stays; that of the next pod of the role would begin it anew."""
    with connected() as link, link.transaction():
        link.execute("SELECT 1")
        assert read_transactions().owner.endswith(" relay")


@pytest.mark.parametrize(
    ("called", "said"),
    [
        (["/venv/bin/celery", "-A", "app", "worker", "-Q", "io"], "celery worker @"),
        (["manage.py", "shell"], "manage.py @"),
        ([""], "python @"),
    ],
)
def test_what_nobody_told_is_the_program(
    monkeypatch: pytest.MonkeyPatch, called: list[str], said: str
) -> None:
    monkeypatch.setattr(names, "_told", [])
    monkeypatch.setattr("sys.argv", called)
    assert names.name().startswith(said)


def test_each_verb_tells_which_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    from switchyard.management.commands.switchyard import Command

    for words, told in ((["worker", "io"], "worker io"), (["topology", "show"], "topology")):
        with pytest.raises(SystemExit):
            Command().run_from_argv(["app", "switchyard", *words, "--help"])
        assert names._told == [told]
