"""What every test of the engine needs."""

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def static_files(settings: Any, tmp_path: Path) -> None:
    """whitenoise warns of a folder that `collectstatic` has not made yet."""
    settings.STATIC_ROOT = str(tmp_path)
