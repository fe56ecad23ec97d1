"""A headless Chromium with a profile of its own, and what its console said."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions, ChromeService

from deploy.local.errors import LocalError

FLAGS = (
    "--headless",
    # Chromium's own sandbox needs rights that root in a container lacks; only our own pages are opened.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1280,1000",
)


@contextmanager
def chromium(profile: Path) -> Iterator[Chrome]:
    """Raises LocalError if there is none on this machine."""
    options = ChromeOptions()
    options.binary_location = _program("chromium")
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = Chrome(options, ChromeService(_program("chromedriver")))
    try:
        yield browser
    finally:
        browser.quit()


def complaints(browser: Chrome) -> list[str]:
    """What the console said since the last look: violations of the page's policy, errors, warnings."""
    log: list[dict[str, Any]] = browser.get_log("browser")
    return [entry["message"] for entry in log if entry["level"] != "INFO"]


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise LocalError(
            f"`{name}` is not on this machine. On Debian: apt-get install chromium chromium-driver."
        )
    return found
