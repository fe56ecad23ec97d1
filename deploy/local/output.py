"""Where the roles' output goes: to the terminal, each line after its role's name, or to a file for each."""

import subprocess
import threading
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import IO, Protocol

from honcho.colour import get_colours
from honcho.printer import Message, Printer

from deploy.local.home import make_folder


class Output(Protocol):
    def target(self, name: str) -> "int | IO[bytes]":
        """What the process writes to."""

    def follow(self, name: str, process: "subprocess.Popen[bytes]") -> None:
        """Called once the process runs."""

    def last_lines(self, name: str) -> str:
        """What the process said last, to quote when it failed; empty if that was seen already."""


class LogFiles:
    def __init__(self, folder: Path) -> None:
        make_folder(folder)
        self.folder = folder
        for old in folder.glob("*.log"):
            old.unlink()

    def target(self, name: str) -> IO[bytes]:
        return self.file(name).open("ab")

    def follow(self, name: str, process: "subprocess.Popen[bytes]") -> None:
        """The process writes its file itself."""

    def last_lines(self, name: str) -> str:
        lines = self.file(name).read_text(errors="replace").splitlines()[-12:]
        return "\n".join([f"; {self.file(name)} ends with:", *(f"  {line[:200]}" for line in lines)])

    def file(self, name: str) -> Path:
        return self.folder / f"{name}.log"


class Terminal:
    def __init__(self, names: Iterable[str]) -> None:
        known = list(names)
        self._printer = Printer(width=max(map(len, known)))
        self._colours = dict(zip(known, get_colours(), strict=False))

    def target(self, name: str) -> int:
        return subprocess.PIPE

    def follow(self, name: str, process: "subprocess.Popen[bytes]") -> None:
        threading.Thread(target=self._copy, args=(name, process.stdout), daemon=True).start()

    def last_lines(self, name: str) -> str:
        return ""

    def say(self, name: str, line: str | bytes) -> None:
        now = datetime.now().astimezone()
        self._printer.write(Message("line", line, now, name, self._colours.get(name)))

    def _copy(self, name: str, stream: IO[bytes]) -> None:
        for line in stream:
            self.say(name, line)
