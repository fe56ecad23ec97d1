"""Rules whose long windows are shortened, so that a run of minutes shows what they say of hours.

Every `for`, window and offset of two minutes or more, and the steps of such a window, are a twentieth of what
they are; nothing else of a rule is touched. What is compared with a limit stays as it is.
"""

import re
from pathlib import Path
from typing import Any

import yaml

FACTOR = 20
#: Shorter ones can be waited for.
LONG_SECONDS = 120
_UNITS = {"s": 1, "m": 60, "h": 3600}
_DURATION = r"\d+[smh]"
_WINDOW = re.compile(rf"\[({_DURATION})(?::({_DURATION}))?\]")
_OFFSET = re.compile(rf"offset ({_DURATION})")


def shortened(files: list[Path], folder: Path) -> list[Path]:
    """Write the same files into the folder, shortened."""
    folder.mkdir(parents=True)
    for file in files:
        content = yaml.safe_load(file.read_text())
        for group in content["groups"]:
            group["rules"] = [_rule(rule) for rule in group["rules"]]
        (folder / file.name).write_text(yaml.safe_dump(content, sort_keys=False))
    return sorted(folder.glob("*.yml"))


def _rule(rule: dict[str, Any]) -> dict[str, Any]:
    expression = _WINDOW.sub(_window, rule["expr"])
    expression = _OFFSET.sub(lambda found: f"offset {_short(found[1])}", expression)
    wait = {"for": _short(rule["for"])} if "for" in rule else {}
    return rule | {"expr": expression} | wait


def _window(found: re.Match[str]) -> str:
    """A window has as many steps as before."""
    length, step = found.groups()
    if not step or _short(length) == length:
        return f"[{_short(length)}]" if not step else found[0]
    return f"[{_short(length)}:{_divided(step)}]"


def _short(duration: str) -> str:
    return _divided(duration) if _seconds(duration) >= LONG_SECONDS else duration


def _divided(duration: str) -> str:
    return f"{_seconds(duration) * 1000 // FACTOR}ms"


def _seconds(duration: str) -> int:
    return int(duration[:-1]) * _UNITS[duration[-1]]
