"""The routes of the tests' own tasks: whatever queues are declared, each has some in every package."""

from app.queues import QUEUES


def routes(*packages: str) -> dict[str, str]:
    """``gallery.io_*`` to ``io`` and so on. Of ``io`` and ``io_slow`` the longer comes first."""
    return {f"{package}.{queue}_*": queue for package in packages for queue in sorted(QUEUES, reverse=True)}
