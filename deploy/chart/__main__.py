"""`make chart`: writes the templates of k8s/chart anew from k8s/base and k8s/components."""

import sys
from pathlib import Path

from deploy.chart.templates import HEAD, written
from deploy.cluster.engine import ROOT
from deploy.local.errors import LocalError

FOLDER = ROOT / "k8s" / "chart" / "templates"


def main() -> int:
    try:
        files = written()
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1
    for old in made():
        old.unlink()
    for name, text in files.items():
        (FOLDER / name).write_text(text)
    print(f"{len(files)} templates written to {FOLDER.relative_to(ROOT)}.")
    return 0


def made() -> list[Path]:
    """Those that it wrote before; the others are somebody's."""
    return [file for file in sorted(FOLDER.iterdir()) if file.read_text().startswith(HEAD)]


if __name__ == "__main__":
    sys.exit(main())
