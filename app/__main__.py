"""``python -m app VERB``: the one entry of the image, which is also ``manage.py``."""

import os
import sys

from switchyard.process.main import main

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "app.settings")
    main(program=f"{sys.executable} -m app", queues="app.queues")
