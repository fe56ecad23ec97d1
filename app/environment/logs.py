"""How the logs are written."""

from app.environment.kinds import Choice, Text
from app.environment.variable import Variable

LOGS = (
    Variable(
        "LOG_FORMAT",
        Choice(("auto", "json", "console")),
        "auto",
        "`json`, `console`, or `auto`: console on a terminal",
    ),
    Variable(
        "LOG_LEVEL",
        Choice(("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")),
        "INFO",
        "of every logger",
    ),
    Variable(
        "NO_COLOR",
        Text(),
        "",
        "anything: no colour in `queues`, on a terminal either",
    ),
)
