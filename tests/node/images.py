"""The images of the servers as archives, each made once: of the distribution's packages and of Go modules.

They have the names that the manifests use, so that not a line of those differs here.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from deploy.cluster.engine import ROOT
from deploy.cluster.overlay import overlay
from deploy.local.home import locked, make_folder
from deploy.local.packages import Packages as Debian
from tests.manifests.rendered import container, documents, of_kind, pod
from tests.node import archive
from tests.node.configuration import PAUSE
from tests.node.programs import other
from tests.node.roots import POSTGRES, RABBITMQ, Packages, root

FOLDER = ROOT / ".local" / "node" / "images"
ENTRIES = Path(__file__).with_name("entries")
COREDNS = "localhost/coredns:local"
LOCAL = overlay("local")
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
#: What the manifests' image has in its own folder, beside what is mounted there.
RABBITMQ_FILES = {
    "conf.d/10-defaults.conf": "loopback_users.guest = false\nlog.console = true\n",
    "enabled_plugins": "[rabbitmq_management,rabbitmq_prometheus].\n",
}


class Image(NamedTuple):
    """``fill`` writes its last layer; ``base`` is the one below."""

    name: str
    fill: Callable[[Path], None]
    config: dict[str, Any]
    base: Packages | None = None


def prepare() -> dict[str, Path]:
    """The archive of each, which is made if it is not there. Raises LocalError."""
    return {name: made(name, image) for name, image in servers().items()}


def keep(archives: Iterable[Path]) -> None:
    """Deletes every other one: those of what has changed since."""
    for left in set(FOLDER.glob("*.tar")) - set(archives):
        left.unlink()


def servers() -> dict[str, Image]:
    """All but the service's own."""
    return {
        "pause": Image(PAUSE, pause, {"Entrypoint": ["/busybox", "sleep", "infinity"]}),
        "coredns": Image(COREDNS, coredns, {"Entrypoint": ["/coredns"]}),
        "mailpit": Image(manifested("mail"), mailpit, {"Entrypoint": ["/mailpit"]}),
        "postgres": Image(manifested("postgres"), postgres, postgres_config(), POSTGRES),
        "rabbitmq": Image(manifested("rabbitmq"), rabbitmq, rabbitmq_config(), RABBITMQ),
    }


def manifested(name: str) -> str:
    """The image of the local overlay's StatefulSet."""
    found = of_kind(documents(LOCAL.folder), "StatefulSet")
    return str(container(found[name])["image"])


def made(name: str, image: Image) -> Path:
    """Its archive; made anew when this file, its entry script, its packages or its program changes."""
    make_folder(FOLDER)
    with tempfile.TemporaryDirectory(dir=FOLDER) as scratch, locked(FOLDER / f"{name}.lock"):
        top = Path(scratch) / "top"
        top.mkdir(mode=0o755)
        image.fill(top)
        file = FOLDER / f"{name}-{contents(image, top)}.tar"
        if not file.exists():
            folders = [root(image.base), top] if image.base else [top]
            archive.write(file, image.name, folders, image.config)
    return file


def contents(image: Image, top: Path) -> str:
    """Another one for each other image."""
    found = hashlib.sha256(repr((image.name, image.config, image.base)).encode())
    for file in sorted(path for path in top.rglob("*") if path.is_file()):
        found.update(file.read_bytes())
    return found.hexdigest()[:8]


def pause(top: Path) -> None:
    """Waits until it is killed."""
    unpacked = FOLDER / "busybox"
    if not unpacked.exists():
        Debian(FOLDER.parent / "apt").unpack("busybox-static", unpacked)
    (found,) = unpacked.rglob("bin/busybox")
    shutil.copy(found, top)


def coredns(top: Path) -> None:
    shutil.copy(other("coredns"), top / "coredns")


def mailpit(top: Path) -> None:
    shutil.copy(other("mailpit"), top / "mailpit")


def postgres(top: Path) -> None:
    """Whose ``initdb`` asks who its user is; the published image answers by a library of its own."""
    passwd = top / "etc" / "passwd"
    passwd.parent.mkdir()
    workload = of_kind(documents(LOCAL.folder), "StatefulSet")["postgres"]
    number = pod(workload)["securityContext"]["runAsUser"]
    passwd.write_text(f"root:x:0:0::/root:/bin/sh\npostgres:x:{number}:{number}::/:/bin/sh\n")
    entry = top / "usr" / "local" / "bin" / "entry"
    entry.parent.mkdir(parents=True)
    shutil.copy(ENTRIES / "postgres.sh", entry)
    entry.chmod(0o755)


def postgres_config() -> dict[str, Any]:
    return {
        "Env": [f"PATH=/usr/lib/postgresql/17/bin:{PATH}", "LANG=C.UTF-8"],
        "Entrypoint": ["/usr/local/bin/entry"],
        # As the published image: by SIGTERM it would wait for every client to leave.
        "StopSignal": "SIGINT",
    }


def rabbitmq(top: Path) -> None:
    for name, text in RABBITMQ_FILES.items():
        file = top / "etc" / "rabbitmq" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def rabbitmq_config() -> dict[str, Any]:
    """The scripts behind the distribution's wrappers, which would have it run as a user of their own."""
    version = manifested("rabbitmq").partition(":")[2].partition("-")[0]
    scripts = f"/usr/lib/rabbitmq/lib/rabbitmq_server-{version}/sbin"
    return {
        "Env": [f"PATH={scripts}:{PATH}", "LANG=C.UTF-8", "HOME=/var/lib/rabbitmq"],
        "Cmd": ["rabbitmq-server"],
    }
