"""Prometheus and its Alertmanager: the installed ones, or the distribution's packages in `.local/`."""

import shutil
import sys
from pathlib import Path

from deploy.local.errors import LocalError
from deploy.local.home import locked
from deploy.local.packages import Packages

LOCAL = Path(__file__).parents[2] / ".local"
#: Each program and the package that has it.
PACKAGES = {
    "promtool": "prometheus",
    "prometheus": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
}
#: Where Debian's Alertmanager looks for its templates: written into the program, and as long as the other.
_SHARED, _BESIDE = b"/usr/share/prometheus/alertmanager", b"usr/share/prometheus/alertmanager/"


def program(name: str) -> Path:
    """Where `name` of PACKAGES is, downloaded on first use. Raises LocalError.

    It is to be run in the folder that its `usr` is in.
    """
    installed = shutil.which(name)
    return Path(installed) if installed else _unpacked(PACKAGES[name]) / "usr/bin" / name


def _unpacked(package: str) -> Path:
    if not Packages.available():
        raise LocalError(f"This system has no apt to get {package} from: install {package}.")
    folder, packages = LOCAL / package, Packages(LOCAL / "apt")
    with locked(packages.state / "lock"):
        if not folder.exists():
            print(f"Downloading {package} from the distribution ...", file=sys.stderr, flush=True)
            packages.unpack(package, folder)
            for file in (folder / "usr/bin").iterdir():
                file.write_bytes(file.read_bytes().replace(_SHARED, _BESIDE))
    return folder
