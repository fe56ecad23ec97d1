"""`make node-test`: builds what the nodes run, then runs the tests in namespaces that end with them.

Whatever a test starts or mounts is in a PID and a mount namespace whose first process is bound to this one's
life, so nothing is left behind, however this ends. Programs, images and file systems stay in .local.
"""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from deploy.cluster.engine import ROOT
from deploy.cluster.tools import tool
from deploy.local.commands import output_of, program
from deploy.local.errors import LocalError
from deploy.local.processes import end, spawn
from tests.manifests.definitions import custom, definition, group
from tests.manifests.rendered import documents
from tests.node import cgroups, images, programs, releases, roots
from tests.node.overlays import STAGING

NEEDED = ("debootstrap", "ip", "nsenter", "pivot_root", "unshare")
#: For pytest to say what it knows, after Ctrl-C.
GRACE_SECONDS = 30
SPACES = ("--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child=KILL", "--mount-proc")
RUNS = ROOT / ".local" / "node" / "run"
INSIDE = Path(__file__).with_name("inside.py")


def main() -> int:
    try:
        check()
        prepare()
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    for left in RUNS.glob("*"):
        if cgroups.is_over(left.name):
            output_of(["rm", "-rf", str(left)])
    with cgroups.group() as group:
        folder = RUNS / group
        try:
            return run(group, folder, sys.argv[1:])
        finally:
            output_of(["rm", "-rf", str(folder)])


def check() -> None:
    """Raises LocalError for what a person must do first."""
    if os.geteuid() != 0:
        raise LocalError("make node-test needs root: it makes namespaces, mounts and control groups.")
    missing = [name for name in NEEDED if program(name) is None]
    if missing:
        raise LocalError(f"{', '.join(missing)}: missing; `apt-get install debootstrap iproute2 util-linux`.")


def prepare() -> None:
    """All that needs the package registries: there is no way to them from inside."""
    tool("kubectl")
    for item in custom(documents(STAGING.folder)):
        definition(group(item), item["kind"])
    programs.kubernetes()
    programs.other("kube-router")
    roots.root(roots.NODE)
    images.keep([*images.prepare().values(), releases.archive()])


def run(group: str, folder: Path, arguments: list[str]) -> int:
    """The exit code of pytest."""
    folder.mkdir(parents=True)
    # What was said to this make is not for those that the tests call.
    kept = {name: value for name, value in os.environ.items() if "MAKE" not in name and name != "ARGS"}
    given = {**kept, "NODE_GROUP": group, "NODE_FOLDER": str(folder)}
    command = ["unshare", *SPACES, sys.executable, str(INSIDE), *arguments]
    process = spawn(command, home=folder, env=given, output=1, death_signal="KILL")
    try:
        return process.wait()
    except KeyboardInterrupt:
        # unshare itself does not mind this signal; pytest does.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        return 130
    finally:
        end(process, grace_seconds=GRACE_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
