"""`make on-call` beside `make up`: a shell with the variables of what runs, and of nothing that has ended."""

import fcntl
import stat

import pytest

from deploy.local.errors import LocalError
from deploy.local.kept import FILE, keep_environment, kept_environment
from deploy.local.on_call import on_call

SHOW = ["sh", "-c", 'test "$BROKER_URL" = pyamqp://here && command -v python | grep -q .venv && exit 7']


def test_a_command_has_the_variables_of_the_stack_that_runs(tmp_path) -> None:
    keep_environment(tmp_path, {"BROKER_URL": "pyamqp://here"})
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    with (tmp_path / "lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert on_call(SHOW, tmp_path) == 7
    assert kept_environment(tmp_path) == {}


def test_where_nothing_runs_it_says_what_to_start(tmp_path) -> None:
    for file in ("", "lock", FILE):
        if file:
            (tmp_path / file).touch()
        with pytest.raises(LocalError, match="Nothing runs here: start it with `make up`"):
            on_call([], tmp_path)
