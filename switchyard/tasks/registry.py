"""The tasks of this release by name, those of every installed app among them."""

from typing import Any

from switchyard.celery import attached


def tasks() -> dict[str, Any]:
    """Every registered task by name, after importing each installed app's ``tasks`` module.

    In the order of their names. A process that has not run a worker may not have imported them before.
    """
    app = attached()
    app.autodiscover_tasks(force=True)
    return dict(sorted(app.tasks.items()))
