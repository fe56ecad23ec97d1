"""What the log holds of an error, and what a line of it costs."""

import logging
import os
import re
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


SETTINGS = """
import os, sys, logging
os.environ.update(SECRET_KEY="a", DATABASE_URL="postgres://n@127.0.0.1:1/n", BROKER_URL="pyamqp://none")
os.environ["LOG_FORMAT"] = "json"
import app.settings as settings
HANDLER = {"class": "logging.StreamHandler", "stream": sys.stdout, "formatter": "theirs"}
settings.LOGGING["formatters"]["theirs"] = {"format": sys.argv[1], "style": sys.argv[2]}
settings.LOGGING["handlers"]["theirs"] = HANDLER
settings.LOGGING["loggers"]["theirs"] = {"handlers": ["theirs"], "propagate": False}
os.environ["DJANGO_SETTINGS_MODULE"] = "app.settings"
import django
django.setup()
logging.getLogger("theirs").warning("said")
print(logging.logThreads)
"""


@pytest.mark.parametrize(
    ("format_", "style", "written"),
    [
        ("{levelname} {module} {process:d} {thread:d} {message}", "{", r"WARNING <string> \d+ \d+ said"),
        ("%(processName)s %(lineno)d %(message)s", "%", r"MainProcess \d+ said"),
        ("${threadName} ${message}", "$", "MainThread said"),
    ],
)
def test_a_format_of_the_projects_own_gets_all_that_it_shows(format_: str, style: str, written: str) -> None:
    """Django's documentation has the first."""
    line, threads = said(format_, style)
    assert re.fullmatch(written, line)
    assert threads == "True"


def test_a_format_that_shows_none_of_it_costs_our_lines_nothing() -> None:
    assert said("{levelname} {message}", "{") == ["WARNING said", "False"]


def said(format_: str, style: str) -> list[str]:
    result = subprocess.run(
        [sys.executable, "-c", SETTINGS, format_, style],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Traceback" not in result.stderr
    return result.stdout.splitlines()
