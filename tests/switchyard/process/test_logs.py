"""What the log holds of an error, and what a line of it costs."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest


def test_a_traceback_on_a_terminal_shows_no_variables(tmp_path: Path) -> None:
    """Structlog's own choice does, with libraries that somebody may have installed."""
    (tmp_path / "better_exceptions.py").write_text(
        "def format_exception(*_):\n    return ['every variable']\n"
    )
    code = (
        "import logging.config; from switchyard.process.logs import logging_config\n"
        "logging.config.dictConfig(logging_config('console', 'INFO'))\n"
        "try:\n    1 / 0\nexcept ZeroDivisionError:\n    logging.exception('failed')\n"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert "ZeroDivisionError: division by zero" in result.stderr
    assert "every variable" not in result.stderr


def test_no_line_looks_for_who_wrote_it(caplog: pytest.LogCaptureFixture) -> None:
    """A walk up the stack for each line, and nobody is told what it finds."""
    logging.getLogger("switchyard.tests").warning("one line")
    [line] = caplog.records
    assert (line.getMessage(), line.pathname, line.lineno) == ("one line", "(unknown file)", 0)
