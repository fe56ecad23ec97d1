"""Where a RabbitMQ server's own scripts are, and the environment in which they find their Erlang."""

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.alias import plain
from deploy.local.errors import LocalError
from deploy.local.foreign import replace, with_own_libraries
from deploy.local.home import locked
from deploy.local.packages import Packages

_SHIM = """#!/bin/sh
export EMU=beam PROGNAME=erl ROOTDIR='{root}' BINDIR='{bin}'
exec "$BINDIR/erlexec" "$@"
"""


@dataclass(frozen=True)
class Installation:
    """RabbitMQ's scripts (`rabbitmq-server`, `rabbitmqctl`), `epmd`, and the PATH to their Erlang."""

    scripts: Path
    epmd: Path
    path: str
    extra: Mapping[str, str] = field(default_factory=dict)


def installed() -> Installation | None:
    """The machine's own RabbitMQ: the scripts behind wrappers that switch user and drop the environment."""
    epmd = shutil.which("epmd")
    scripts = next((folder for folder in _script_folders() if (folder / "rabbitmq-env").is_file()), None)
    if scripts is None or epmd is None or shutil.which("erl") is None:
        return None
    return Installation(scripts, Path(epmd), os.environ["PATH"])


def unpacked(folder: Path, packages: Packages) -> Installation:
    """The distribution's RabbitMQ in `folder`, downloaded on first use."""
    with locked(packages.state / "lock"):
        if not folder.exists():
            print(
                "Downloading RabbitMQ and Erlang (34 MB) from the distribution ...",
                file=sys.stderr,
                flush=True,
            )
            packages.unpack("rabbitmq-server", folder, dependencies=("erlang-",))
        return _relocated(folder)


def unpacked_from_suite(folder: Path, packages: Packages) -> Installation:
    """The RabbitMQ of another release of the distribution in `folder`, with its own libraries."""
    with locked(packages.state / "lock"):
        if not folder.exists():
            print(
                f"Downloading RabbitMQ, Erlang and libraries (61 MB) of {packages.suite} ...",
                file=sys.stderr,
                flush=True,
            )
            packages.unpack("rabbitmq-server", folder, dependencies=("erlang-", "lib", "zlib1g"))
        with_own_libraries(plain(folder), plain(folder) / "usr/lib/erlang")
        return _relocated(folder)


def _script_folders() -> list[Path]:
    found = shutil.which("rabbitmq-server")
    named = [Path(found).resolve().parent] if found else []
    return [*named, *_server_folders(Path("/usr/lib/rabbitmq"))]


def _server_folders(base: Path) -> list[Path]:
    return sorted(base.glob("lib/rabbitmq_server-*/sbin"), reverse=True)


def _relocated(folder: Path) -> Installation:
    """Erlang's own `erl` has its installed path written into it; here are some that know this folder."""
    folder = plain(folder)
    root = folder / "usr/lib/erlang"
    binaries = next(root.glob("erts-*/bin"), None)
    scripts = next(iter(_server_folders(folder / "usr/lib/rabbitmq")), None)
    if binaries is None or scripts is None:
        raise LocalError(f"{folder} holds no RabbitMQ server: delete it, and it is downloaded again.")
    # The second is the one that a node starts another with.
    for shim in (root / "bin/erl", binaries / "erl"):
        replace(shim, _SHIM.format(root=root, bin=binaries))
    path = f"{root / 'bin'}{os.pathsep}{os.environ['PATH']}"
    extra = {"ERL_ROOTDIR": str(root), "ESCRIPT_EMULATOR": str(root / "bin/erl")}
    return Installation(scripts, binaries / "epmd", path, extra)
