"""Configures logging: events with fields, JSON for machines and aligned text for a terminal.

Every line carries what is bound at the moment: ``request_id`` in web, ``task_id``, ``task`` and ``queue`` in
a worker (bound by django-structlog and ``switchyard.worker.context``).
"""

import logging
import sys
from collections.abc import Iterator
from typing import Any

import structlog

from switchyard.process.json_lines import as_json
from switchyard.worker.log_handler import LineHandler

#: Applied to structlog's events and to the standard library's records alike, so that both look the same.
SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.stdlib.ExtraAdder(),
]

#: Of a record: what ``logging`` is told not to find out. Parts of names, as of processName.
COSTLY = ("process", "thread", "pathname", "filename", "module", "lineno", "funcName")


def logging_config(log_format: str, level: str) -> dict[str, Any]:
    """Django's ``LOGGING``. ``log_format`` is json, console, or auto: console on a terminal, else json."""
    if log_format == "auto":
        log_format = "console" if sys.stderr.isatty() else "json"
    logging.captureWarnings(True)
    configure_structlog()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "event": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *renderers(log_format),
                ],
            }
        },
        "handlers": {"stderr": {"()": "switchyard.worker.log_handler.LineHandler", "formatter": "event"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # They say each task and each request a second time, without our fields.
            "celery.app.trace": {"level": "CRITICAL"},
            "celery.worker.strategy": {"level": "WARNING"},
            "django.request": {"level": "ERROR"},
            "django_structlog.celery.receivers": {"level": "WARNING"},
            "httpx": {"level": "WARNING"},
            # Gunicorn keeps its records to itself unless told otherwise.
            "gunicorn.error": {"level": "INFO", "propagate": True},
        },
    }


def renderers(log_format: str) -> list[Any]:
    """The last steps: an exception as text in one JSON line, or a readable traceback."""
    if log_format == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(as_json)]
    # Where rich can be imported, structlog's own choice shows each frame's variables, passwords among them.
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]


def configure_structlog() -> None:
    """Send structlog's events through the standard library, so that one handler writes every line."""
    structlog.configure(
        processors=[
            # First, so that a line that is dropped costs nothing.
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            *SHARED[1:4],
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def record_only_what_is_written() -> None:
    """Once logging is configured: no line of ours shows them, and each costs every line.

    These are the ways that ``logging`` documents for it. They hold for the whole process, so only where no
    handler of the project's has a format with them, or one that nobody can look into.
    """
    if any(map(_shows_them, _handlers())):
        return
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    # Who called: a walk up the stack.
    logging._srcfile = None  # noqa: SLF001


def _handlers() -> Iterator[logging.Handler]:
    yield from logging.root.handlers
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            yield from logger.handlers


def _shows_them(handler: logging.Handler) -> bool:
    if isinstance(handler, LineHandler) or handler.formatter is None:
        return False
    written = getattr(handler.formatter, "_fmt", None)
    return written is None or any(name in written for name in COSTLY)
