"""``python -m declared.walk [ROW ...]``: see all rows, or these, at once; prints one JSON object."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django
from django.db import connections

django.setup()

from declared import rows_settings  # isort: skip  # noqa: E402, F401 - as they add their rows
from declared import rows_retries  # isort: skip  # noqa: E402, F401
from declared import rows_outcomes  # isort: skip  # noqa: E402, F401
from declared.rows import ROWS, Row  # noqa: E402 - its tasks need Django


def seen(row: Row) -> Any:
    try:
        return row.see()
    except Exception as error:  # noqa: BLE001 - what a row raises is what was seen of it
        return f"{type(error).__name__}: {error}"
    finally:
        connections.close_all()


def main() -> None:
    rows = [row for row in ROWS if row.declared in sys.argv[1:] or not sys.argv[1:]]
    with ThreadPoolExecutor(len(rows)) as threads:
        found = threads.map(seen, rows)
        print(json.dumps({row.declared: _report(row, each) for row, each in zip(rows, found, strict=True)}))


def _report(row: Row, seen: Any) -> dict[str, Any]:
    return {"seen": seen, "here": row.here, "stock": row.stock}


main()
