"""What a line of the log costs."""

import logging

import pytest


def test_no_line_looks_for_who_wrote_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A walk up the stack for each line, and nobody is told what it finds."""
    walks: list[int] = []
    find = logging.Logger.findCaller

    def counted(logger: logging.Logger, *args: int) -> object:
        walks.append(1)
        return find(logger, *args)

    monkeypatch.setattr(logging.Logger, "findCaller", counted)
    logging.getLogger("switchyard.tests").warning("one line")
    assert "one line" in caplog.text
    assert not walks
