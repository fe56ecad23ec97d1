"""A kubectl that is a script, which writes down what it is asked and answers from a folder."""

import os
from pathlib import Path

import pytest


def stand_in(folder: Path, script: str, rendered: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have it be found first. ``rendered`` is what it says of an overlay, ``folder`` the script's $NOTES."""
    program = folder / "bin" / "kubectl"
    program.parent.mkdir()
    program.write_text(script)
    program.chmod(0o755)
    (folder / "rendered").write_text(rendered)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("NOTES", str(folder))
