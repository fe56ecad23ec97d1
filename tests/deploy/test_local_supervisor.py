import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.errors import LocalError
from deploy.local.home import check_space, make_folder
from deploy.local.output import LogFiles
from deploy.local.processes import marked
from deploy.local.roles import Role
from deploy.local.supervisor import Supervisor
from tests.live.processes import eventually


@dataclass(frozen=True)
class Script(Role):
    """A role whose process is a few lines of Python instead of the service."""

    code: str = ""

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-c", self.code]


BEATING = Script(
    "beating", (), code="import os, time; open(os.environ['HEARTBEAT_FILE'], 'w'); time.sleep(600)"
)
BROKEN = Script("broken", (), code="raise SystemExit('no such luck')")
PARENT = Script("parent", (), code="import subprocess; subprocess.run(['sleep', '600'])")


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    make_folder(tmp_path / "run")
    supervisor = Supervisor(tmp_path, {}, LogFiles(tmp_path / "logs"))
    yield supervisor
    supervisor.stop()


def wait_for_processes(home: Path, count: int) -> None:
    eventually(lambda: len(marked(home)) >= count, within=10, what=f"{count} processes")


def test_a_role_is_ready_when_its_heartbeat_is_there(supervisor: Supervisor) -> None:
    supervisor.start([BEATING])
    supervisor.wait_until_ready([BEATING])
    assert BEATING.heartbeat(supervisor.home).exists()


def test_a_role_that_ends_by_itself_is_an_error_with_its_last_words(supervisor: Supervisor) -> None:
    supervisor.start([BROKEN])
    with pytest.raises(LocalError, match=r"(?s)broken ended with exit code 1; .*no such luck"):
        supervisor.wait_until_ready([BROKEN])


def test_a_step_that_fails_is_an_error(supervisor: Supervisor) -> None:
    with pytest.raises(LocalError, match="broken ended with exit code 1"):
        supervisor.run(BROKEN)


def test_the_children_of_a_role_end_with_it(supervisor: Supervisor) -> None:
    supervisor.start([PARENT])
    wait_for_processes(supervisor.home, 2)
    supervisor.stop()
    assert not marked(supervisor.home)


def test_a_role_that_starts_anew_is_another_process(supervisor: Supervisor) -> None:
    supervisor.start([BEATING])
    supervisor.wait_until_ready([BEATING])
    before = marked(supervisor.home)
    supervisor.restart([BEATING])
    supervisor.wait_until_ready([BEATING])
    assert len(marked(supervisor.home)) == 1
    assert marked(supervisor.home) != before


def test_a_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.local.home.LEAST_FREE_BYTES", 10**18)
    with pytest.raises(LocalError, match="MB of free disk space and needs"):
        check_space(tmp_path)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalError, match=f"{tmp_path}/file/home cannot be made"):
        make_folder(tmp_path / "file" / "home")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
