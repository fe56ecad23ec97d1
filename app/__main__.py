"""``python -m app VERB``: the one entry of the image, which is also ``manage.py``."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured

from app.environment import VARIABLES
from app.environment.variable import described
from switchyard.process.main import main

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "app.settings")
    if sys.argv[1:] in (["--help"], ["-h"], ["help"]):
        print(described(VARIABLES), end="\n\n")
    try:
        main(program=f"{sys.executable} -m app", queues="app.queues")
    except ImproperlyConfigured as wrong:
        sys.exit(str(wrong))
