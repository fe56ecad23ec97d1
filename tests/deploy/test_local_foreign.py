import subprocess
from pathlib import Path

import pytest

from deploy.local.errors import LocalError
from deploy.local.foreign import with_own_libraries

LOADER = """#!/bin/sh
echo "$@"
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An unpacked release whose loader says how it was called."""
    loader = tmp_path / "usr/lib64/ld-linux-x.so.2"
    library = tmp_path / "usr/lib/x/libc.so.6"
    program = tmp_path / "programs/bin/beam"
    for file in (loader, library, program):
        file.parent.mkdir(parents=True)
    loader.write_text(LOADER)
    loader.chmod(0o755)
    library.touch()
    program.write_bytes(b"\x7fELF and more")
    program.chmod(0o755)
    (program.parent / "script").write_text("#!/bin/sh\n")
    return tmp_path


@pytest.mark.parametrize("times", [1, 2])
def test_a_program_is_started_by_its_own_loader_with_its_own_libraries(root: Path, times: int) -> None:
    for _ in range(times):
        with_own_libraries(root, root / "programs")
    program = root / "programs/bin/beam"
    said = subprocess.run([program, "a b"], capture_output=True, text=True, check=True).stdout
    assert said == f"--argv0 {program} --library-path {root}/usr/lib/x {program}.elf a b\n"
    assert Path(f"{program}.elf").read_bytes().startswith(b"\x7fELF")
    assert (root / "programs/bin/script").read_text() == "#!/bin/sh\n"


def test_a_folder_without_a_loader_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="holds no loader of the C library: delete it"):
        with_own_libraries(tmp_path, tmp_path)
