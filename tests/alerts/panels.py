"""Every panel of every dashboard, asked of the Prometheus that has watched the service."""

import re
from typing import Any

from tests.alerts.monitoring import Monitoring
from tests.rules.files import dashboards, panels

_VARIABLE = re.compile(r"\$(queue|task|namespace)\b")


def without_data(monitoring: Monitoring) -> dict[str, str]:
    """Panel and query to the reason that the panel gives for showing nothing; empty if it gives none."""
    return {
        f"{board['title']}: {panel['title']} ({target['expr']})": reason(panel)
        for board in dashboards().values()
        for panel in panels(board)
        for target in panel["targets"]
        if not monitoring.query(_VARIABLE.sub(".*", target["expr"]))
    }


def reason(panel: Any) -> str:
    found = re.search(r"(?:Empty|A gap) .*", panel["description"])
    return found[0] if found else ""


def asked() -> int:
    return sum(len(panel["targets"]) for board in dashboards().values() for panel in panels(board))
