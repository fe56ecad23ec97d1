"""`make demo` in the ways in which people come to it, each in a fresh clone.

As root in a folder that only root may enter, as an ordinary user, and as root in a folder open to all. With
it, here and there: the oldest and the newest Python of this machine, a path with a blank and an umlaut,
`umask 077`, a HOME that cannot be written.

Needs the standard library only. What is not committed is not tried.
"""

import argparse
import os
import signal
import sys
import time
from types import FrameType

from deploy.local.clone import COMMON_PATH, Way, fresh
from deploy.local.errors import LocalError
from deploy.local.pythons import on_path, pythons

ODD = "Stellwerk Süd"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("arguments", nargs="*", help="of the demo, after `--`")
    arguments = " ".join(parser.parse_args().arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    failed = []
    try:
        for way in ways(is_root=os.geteuid() == 0):
            failed += [f"{way.title}: {problem}" for problem in problems(way, arguments)]
    except KeyboardInterrupt as interruption:
        return 128 + (interruption.args[0] if interruption.args else signal.SIGINT)
    for line in failed:
        print(f"make demos: {line}", file=sys.stderr)
    return 1 if failed else 0


def ways(*, is_root: bool) -> list[Way]:
    """All three for root; an ordinary user can try only the one of an ordinary user."""
    path = os.environ.get("PATH", COMMON_PATH)
    user = Way("as an ordinary user", (on_path(COMMON_PATH) or on_path(path))[0], folder=ODD, umask=0o077)
    if not is_root:
        print(
            "Left out, since they need root: as root in a closed folder, as root in an open one.", flush=True
        )
        return [user]
    mine = pythons(path)
    return [
        Way(
            "as root in a closed folder", mine[-1], mode=0o700, umask=0o077, home=os.environ.get("HOME", "/")
        ),
        Way("as an ordinary user", user.python, folder=ODD, umask=0o077, user=f"switchyard-{os.getpid()}"),
        Way("as root in an open folder", mine[0], folder=ODD),
    ]


def problems(way: Way, arguments: str) -> list[str]:
    """What went wrong, a sentence for each: the demo itself, and what it or `make clean` left behind."""
    verbs = (("demo", f"ARGS={arguments}"), ("clean",))
    print(f"== make demo {way}", flush=True)
    started = time.monotonic()
    try:
        with fresh(way) as clone:
            found = [f"`make {verb[0]}` failed, see above" for verb in verbs if not clone.make(*verb)]
            found += clone.leftovers()
    except LocalError as error:
        found = [str(error)]
    print(f"== make demo {way.title}: {time.monotonic() - started:.0f} s", flush=True)
    return found


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt(number)


if __name__ == "__main__":
    sys.exit(main())
