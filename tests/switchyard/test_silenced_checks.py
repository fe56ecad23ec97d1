"""A worker and beat, however they are started, heed what a project says of Django's checks."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.celery import app
from switchyard.checks import _refuse_to_start
from switchyard.process.main import main


@pytest.fixture(autouse=True)
def unrouted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Has ``check`` find yard.E1."""

    def nothing() -> None: ...

    monkeypatch.setenv("CELERY_SKIP_CHECKS", "")
    task = app.task(name="billing.charge", shared=False)(nothing)
    yield
    app.tasks.unregister(task.name)


def test_what_check_finds_stops_it_unless_that_is_silenced(settings: Any) -> None:
    settings.SILENCED_SYSTEM_CHECKS = ["yard.E2"]
    with pytest.raises(SystemExit, match="billing"):
        _refuse_to_start()
    settings.SILENCED_SYSTEM_CHECKS += ["yard.E1"]
    _refuse_to_start()


def test_who_starts_it_without_checks_gets_none(capsys: pytest.CaptureFixture[str]) -> None:
    """As ``celery --skip-checks`` does; here the verb that is quickest."""
    main(["routes", "--skip-checks"])
    assert "billing.charge" in capsys.readouterr().out
    _refuse_to_start()
