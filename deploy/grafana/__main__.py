"""`python -m deploy.grafana`: writes the dashboards' JSON files beside this one."""

import json
from pathlib import Path

from deploy.grafana.boards import BOARDS

FOLDER = Path(__file__).parent


def written() -> dict[Path, str]:
    """Each file, and what it holds."""
    return {FOLDER / f"{board.name}.json": json.dumps(board.as_json(), indent=1) + "\n" for board in BOARDS}


if __name__ == "__main__":
    for file, text in written().items():
        file.write_text(text)
