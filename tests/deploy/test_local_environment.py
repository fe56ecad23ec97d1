import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.environment import ROOT, stamp
from deploy.local.home import kept_secret


def test_a_finished_environment_is_known_by_its_lock_its_python_and_its_place() -> None:
    first = stamp(Path("/a/.venv"), b"lock", "3.11.2")
    assert first == stamp(Path("/a/.venv"), b"lock", "3.11.2")
    others = {
        stamp(Path("/b/.venv"), b"lock", "3.11.2"),
        stamp(Path("/a/.venv"), b"another", "3.11.2"),
        stamp(Path("/a/.venv"), b"lock", "3.12.0"),
    }
    assert len(others) == 3
    assert first not in others


def test_a_secret_is_kept_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "password"
    secret = kept_secret(file)
    assert kept_secret(file) == secret
    assert len(secret) == 32
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("module", ["deploy.local.__main__", "deploy.local.ways", "deploy.cluster.__main__"])
def test_what_make_calls_is_there_at_a_prompt_with_nothing_set(module: str) -> None:
    command, nothing = [sys.executable, "-c", f"import {module}"], {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=nothing, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
