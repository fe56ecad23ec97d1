from pathlib import Path

from deploy.local.environment import stamp
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
