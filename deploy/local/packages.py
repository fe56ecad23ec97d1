"""Distribution packages without root and without installing them: downloaded by apt, unpacked into a folder.

Needs the standard library only: the virtual environment itself may come from here.
"""

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from deploy.local.errors import LocalError

_OPTIONAL = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")


class Packages:
    """The distribution's packages, through apt's own configuration of sources and keys.

    With `suite` those of that release of the distribution, from the same mirror: for unpacking only, since
    their libraries are not this machine's.
    """

    def __init__(self, state: Path, suite: str = "") -> None:
        self.state = state
        self.suite = suite
        self.state.mkdir(parents=True, exist_ok=True)
        self._options = sandbox_options(os.geteuid())
        if suite:
            self._use_private_lists()

    @staticmethod
    def available() -> bool:
        return all(shutil.which(tool) for tool in ("apt-get", "apt-cache", "dpkg"))

    def unpack(self, name: str, into: Path, *, dependencies: tuple[str, ...] = ()) -> None:
        """Unpacks `name`, and all it needs whose names start with one of `dependencies`, under `into`.

        The machine's package lists are used if they serve; if they are missing or too old, those in `state`,
        and new ones are fetched there when these are. `into` appears whole or not at all.
        """
        for prepare in (self._use_private_lists, self._fetch_lists):
            try:
                return self._unpack(name, into, dependencies)
            except LocalError:
                prepare()
        return self._unpack(name, into, dependencies)

    def _unpack(self, name: str, into: Path, dependencies: tuple[str, ...]) -> None:
        names = [name, *self._needed_by(name, dependencies)] if dependencies else [name]
        downloads = _fresh(self.state / "downloads")
        partial = _fresh(into.with_name(into.name + ".partial"))
        self._run("apt-get", "download", *names, cwd=downloads)
        for package in sorted(downloads.glob("*.deb")):
            _checked(["dpkg", "-x", str(package), str(partial)], self.state)
        shutil.rmtree(into, ignore_errors=True)
        partial.rename(into)
        shutil.rmtree(downloads)

    def _needed_by(self, name: str, prefixes: tuple[str, ...]) -> list[str]:
        relations = [f"--no-{relation}" for relation in _OPTIONAL]
        output = self._run("apt-cache", "depends", "--recurse", *relations, name)
        return sorted({line for line in output.splitlines() if line.startswith(prefixes)})

    def _use_private_lists(self) -> None:
        self._options = [*sandbox_options(os.geteuid()), *private_options(self.state)]
        if self.suite:
            self._options += suite_options(self.state, self.suite, self._mirror())

    def _mirror(self) -> str:
        """Where this machine's own packages come from: the first archive of its sources."""
        output = _checked(
            ["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages"], self.state
        )
        sites = output.split()
        if not sites:
            raise LocalError("apt has no source of packages here: add one to /etc/apt/sources.list.d.")
        return sites[0]

    def _fetch_lists(self) -> None:
        """A source that does not answer is no matter here: whether the rest will do, the download shows."""
        print(f"Fetching package lists into {self.state} ...", file=sys.stderr, flush=True)
        with suppress(LocalError):
            self._run("apt-get", "update")

    def _run(self, tool: str, *arguments: str, cwd: Path | None = None) -> str:
        return _checked([tool, *self._options, *arguments], cwd or self.state)


def sandbox_options(user: int) -> list[str]:
    """As root apt downloads as the user `_apt`, who may not enter the folder."""
    return ["-o", "APT::Sandbox::User=root"] if user == 0 else []


def private_options(state: Path) -> list[str]:
    """Options that keep apt's lists, state and cache under `state`; sources and keys stay the machine's."""
    for folder in ("lists/partial", "cache/archives/partial"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    settings = {
        "Dir::State": state,
        "Dir::State::lists": state / "lists",
        "Dir::State::status": "/var/lib/dpkg/status",
        "Dir::Cache": state / "cache",
        "APT::Update::Post-Invoke-Success": "",
        "Acquire::Languages": "none",
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
    }
    pairs = [("-o", f"{key}={value}") for key, value in settings.items() if value]
    return [part for pair in pairs for part in pair]


def suite_options(state: Path, suite: str, mirror: str) -> list[str]:
    """Options that make `suite` of `mirror` the only source; the keys stay the machine's."""
    sources = state / "sources.list"
    sources.write_text(f"deb {mirror} {suite} main\n")
    return ["-o", f"Dir::Etc::sourcelist={sources}", "-o", "Dir::Etc::sourceparts=/dev/null"]


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _checked(command: list[str], cwd: Path) -> str:
    env = {**os.environ, "LC_ALL": "C"}
    result = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if result.returncode:
        lines = (result.stderr.strip() or result.stdout.strip()).splitlines() or ["no output"]
        raise LocalError(f"`{command[0]} {' '.join(_words(command))}` failed: {lines[-1]}")
    return result.stdout


def _words(command: list[str]) -> list[str]:
    return [word for word in command[1:] if not word.startswith("-") and "=" not in word][:3]
