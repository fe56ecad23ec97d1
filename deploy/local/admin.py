"""A login for Django's admin, on a database of our own."""

import os

from deploy.local.home import kept_secret
from deploy.local.roles import Role
from deploy.local.stack import Stack

NAME = "admin"


def admin_login(stack: Stack) -> str:
    """User and password for the admin, made on first use; a given database has its own users."""
    if "DATABASE_URL" in os.environ:
        return "a user of your database"
    path = stack.services.home / "admin-password"
    password = kept_secret(path)
    # The password is read by the process, so that it stands on no command line.
    code = (
        "from pathlib import Path; from django.contrib.auth.models import User; "
        f"User.objects.filter(username={NAME!r}).exists() or "
        f"User.objects.create_superuser({NAME!r}, password=Path({str(path)!r}).read_text().strip())"
    )
    stack.supervisor.run(Role("make-admin", ("shell", "--command", code)))
    return f"{NAME} {password}"
