import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "app.settings")

from switchyard.process.asgi import application

__all__ = ["application"]
