"""Prints what the manifests lack to say what the code says: ``python -m tests.manifests``.

One sentence a line, of all overlays and of the autoscaling that none of them has: each names a file and what
to put in it. Exits with 1 if there is any. Needs no server.
"""

import os
import sys
from collections.abc import Iterator


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    found = list(dict.fromkeys(sentences()))
    print(*found or ["The manifests say what the code says."], sep="\n")
    return bool(found)


def sentences() -> Iterator[str]:
    from tests.manifests.agreement import documented, everything
    from tests.manifests.folders import OVERLAYS, combined
    from tests.manifests.queue_manifests import scalers
    from tests.manifests.rendered import documents

    for overlay in OVERLAYS:
        yield from everything(documents(overlay), documented())
    with combined(("autoscaling-hpa",)) as folder:
        yield from scalers(documents(folder), "HorizontalPodAutoscaler")


if __name__ == "__main__":
    sys.exit(main())
