"""Programs that were built for other libraries than this machine's, run with their own beside them.

No root, no chroot: each program is started by the loader that came with it. Only the program itself gets the
foreign libraries, so that what it starts (a shell, df) is the machine's and works.
"""

from pathlib import Path

from deploy.local.errors import LocalError

_SUFFIX = ".elf"
_WRAPPER = """#!/bin/sh
exec '{loader}' --argv0 "$0" --library-path '{libraries}' '{program}' "$@"
"""


def with_own_libraries(root: Path, programs: Path) -> None:
    """Puts a script in the place of each program under `programs`, for libraries unpacked under `root`.

    Twice is harmless, and needed after the folder was moved.
    """
    loader = next(root.glob("usr/lib64/ld-linux-*.so.*"), None) or next(root.glob("usr/lib/ld-linux-*"), None)
    if loader is None:
        raise LocalError(f"{root} holds no loader of the C library: delete it, and it is downloaded again.")
    libraries = next(path.parent for path in root.glob("usr/lib/*/libc.so.6"))
    for program in [path for path in programs.rglob("*") if path.is_file() and not path.is_symlink()]:
        if program.suffix not in {_SUFFIX, ".so"} and _is_binary(program):
            program.rename(program.with_name(program.name + _SUFFIX))
    for program in programs.rglob(f"*{_SUFFIX}"):
        script = program.with_name(program.name.removesuffix(_SUFFIX))
        replace(script, _WRAPPER.format(loader=loader, libraries=libraries, program=program))


def replace(script: Path, text: str) -> None:
    """Puts an executable script in the place of a file in one step: somebody may be about to execute it."""
    partial = script.with_name(script.name + ".partial")
    partial.write_text(text)
    partial.chmod(0o755)
    partial.replace(script)


def _is_binary(file: Path) -> bool:
    """Whether it is an ELF file that can be executed."""
    with file.open("rb") as opened:
        return opened.read(4) == b"\x7fELF" and bool(file.stat().st_mode & 0o111)
