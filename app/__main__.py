"""``python -m app ROLE``: the one entry of the image, which is also ``manage.py``."""

import os
import sys

from django.core.management import execute_from_command_line

from app.roles import environment


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "app.settings")
    for name, value in environment(sys.argv[1:]).items():
        os.environ.setdefault(name, value)
    execute_from_command_line([f"{sys.executable} -m app", *sys.argv[1:]])


if __name__ == "__main__":
    main()
