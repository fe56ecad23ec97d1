"""Other versions of what the engine works with than the locked ones: are its promises kept on them too?

| pass   | versions of what `dependencies` in pyproject.toml names                                |
|--------|----------------------------------------------------------------------------------------|
| newest | the newest that its ranges allow                                                       |
| beyond | the newest that there are, pre-releases excluded; left out where that is nothing newer |
| lowest | the lowest that its ranges allow                                                       |

Each has an environment of its own in `.local/versions`, of the newest Python that is found: newer versions of
Django want that. Says how each pass ended. Exits with 1 when one failed; CI reports that and goes on.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

from deploy.local.errors import LocalError
from deploy.local.locks import ROOT
from deploy.local.processes import signal_group
from deploy.local.pythons import pythons

HOME = ROOT / ".local" / "versions"
#: What notices when an upgrade takes something away: the engine's own tests, and a few with real workers.
TESTS = [
    "tests/switchyard",
    "tests/live/test_routing.py",
    "tests/live/test_failures.py",
    "tests/live/test_worker_cost.py",
]
#: So that a pass which does not end keeps nobody.
LONGEST_SECONDS = 1500
#: For the test that runs then.
LAST_SECONDS = 120
_UV = [sys.executable, "-m", "uv", "--quiet", "--system-certs"]
_SOURCES = ["pyproject.toml", "--group=service", "--group=dev"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=LONGEST_SECONDS, help="for each pass, at most")
    parser.add_argument("passes", nargs="*", default=["newest", "beyond"], help="newest, beyond, lowest")
    parser.add_argument(
        "--tests", nargs="+", default=TESTS, help="instead of the engine's own and a few live"
    )
    arguments = parser.parse_args()
    tried: dict[str, bool] = {}
    seen: set[str] = set()
    for name in arguments.passes:
        versions = resolved(name)
        if versions not in seen:
            seen.add(versions)
            tried[name] = passed(name, versions, arguments.tests, arguments.seconds)
    if not all(tried.values()):
        sys.exit(1)


def passed(name: str, versions: str, tests: list[str], seconds: int) -> bool:
    """Whether the tests pass on these versions, which are printed with how it ended."""
    began = time.monotonic()
    named = ", ".join(each for each in versions.splitlines() if each.startswith(tuple(_names())))
    print(f"== {name} versions: {named}", flush=True)
    try:
        ended = _tested(_environment(name, versions), tests, seconds)
    except LocalError as error:
        ended = str(error)
    took = round(time.monotonic() - began)
    print(f"== {name} versions: {ended or 'passed'} ({took} s)", flush=True)
    return not ended


def resolved(name: str) -> str:
    """One `NAME==VERSION` a line, of all that an environment of this pass holds."""
    HOME.mkdir(parents=True, exist_ok=True)
    overrides = HOME / f"{name}.overrides"
    overrides.write_text("\n".join(overriding(name, _dependencies())))
    command = [*_UV, "pip", "compile", *_SOURCES, f"--override={overrides}", f"--python={_python()}"]
    command += ["--prerelease=if-necessary-or-explicit"]
    return _checked([*command, "--no-header", "--no-annotate", "--no-emit-index-url"])


def overriding(name: str, dependencies: list[str]) -> list[str]:
    """What holds instead of the ranges, whoever names one: none, their lowest, or whatever there is."""
    if name == "newest":
        return []
    found = [re.match(r"([\w-]+)(\[\w+\])?>=([\d.]+)", each) for each in dependencies]
    # The service wants psycopg with its own library.
    extras = {"psycopg": "[binary,pool]"}
    return [
        f"{each[1]}{extras.get(each[1], '')}" + (f"=={each[3]}" if name == "lowest" else "")
        for each in found
        if each
    ]


def _dependencies() -> list[str]:
    read: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    return read


def _names() -> list[str]:
    return [f"{re.split(r'[^a-z-]', each)[0]}==" for each in _dependencies()]


def _python() -> str:
    """The newest of this machine."""
    found = pythons(os.environ.get("PATH", os.defpath))
    return found[-1].path if found else sys.executable


def _environment(name: str, versions: str) -> Path:
    """The Python of an environment that holds these, and nothing else."""
    folder, wanted = HOME / name, HOME / f"{name}.txt"
    wanted.write_text(versions)
    python = folder / "bin" / "python"
    if not python.exists():
        _checked([*_UV, "venv", f"--python={_python()}", str(folder)])
    _checked([*_UV, "pip", "sync", f"--python={python}", str(wanted)])
    return python


def _tested(python: Path, tests: list[str], seconds: int) -> str:
    """Empty, or how it did not pass. What failed is in pytest's own lines."""
    options = [
        "-q",
        "-n",
        "3",
        "--dist",
        "loadfile",
        "-p",
        "no:cacheprovider",
        f"--session-timeout={seconds}",
    ]
    # What is only announced is shown at the end, and breaks nothing yet.
    options += [f"-Wdefault::{kind}" for kind in ("DeprecationWarning", "PendingDeprecationWarning")]
    command = [str(python), "-m", "pytest", *options, *tests]
    with subprocess.Popen(command, cwd=ROOT, start_new_session=True) as running:
        try:
            code = running.wait(seconds + LAST_SECONDS)
        except subprocess.TimeoutExpired:
            # All of them, so that each ends its servers.
            signal_group(running.pid, signal.SIGINT)
            return f"failed: not done after {seconds + LAST_SECONDS} s"
    return f"failed, with {code}" if code else ""


def _checked(command: list[str]) -> str:
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode:
        raise LocalError(f"`uv {command[5]} {command[6]}` failed: {result.stderr.strip()}")
    return result.stdout


if __name__ == "__main__":
    main()
