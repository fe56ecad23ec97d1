"""Checks, for a deployment, that the static files of the pages are where web serves them from.

| id      | found                                                      |
|---------|------------------------------------------------------------|
| yard.W7 | `collectstatic` was not run: each page of the admin is 500 |
"""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.contrib.staticfiles.storage import ManifestFilesMixin, staticfiles_storage
from django.core import checks
from django.core.checks import CheckMessage

#: Each page of operations names it.
OURS = "switchyard/switchyard.css"


def static_files_are_collected() -> Iterator[CheckMessage]:
    """Of a storage that refuses the name of a file which it does not have, as one with a manifest does."""
    if not apps.is_installed("django.contrib.admin"):
        return
    storage: Any = staticfiles_storage
    if not isinstance(storage, ManifestFilesMixin):
        return
    try:
        storage.stored_name(OURS)
    except ValueError as error:
        yield checks.Warning(
            f"The static files were not collected: {error} Each page of the admin is answered 500.",
            hint="Run `manage.py collectstatic` where the image is built, into the STATIC_ROOT that web has.",
            obj="STATIC_ROOT",
            id="yard.W7",
        )


DEPLOY_RULES = (static_files_are_collected,)
