"""What somebody does with a page, and what can be seen of it."""

import importlib.resources
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from deploy.local.environment import LOCAL
from tests.browser.chromium import chromium, complaints
from tests.browser.locales import COOKIE
from tests.live.processes import eventually

#: To be looked at.
PICTURES = LOCAL / "browser" / "pictures"
OPERATIONS = "/admin/switchyard/operations/"
AXE = "const done = arguments[arguments.length - 1]; axe.run().then(done, error => done({error: `${error}`}))"


class Page:
    def __init__(self, browser: Chrome, url: str) -> None:
        self.browser = browser
        self._url = url

    @classmethod
    @contextmanager
    def opened(cls, url: str, profile: Path, session: str) -> "Iterator[Page]":
        with chromium(profile) as browser:
            cookie = {"name": "sessionid", "value": session, "url": url}
            browser.execute_cdp_cmd("Network.setCookie", cookie)
            yield cls(browser, url)

    def visit(self, path: str) -> None:
        """To any page of web."""
        self.browser.get(f"{self._url}{path}")

    def go(self, path: str = "") -> None:
        """To a page of operations."""
        self.browser.get(f"{self._url}{OPERATIONS}{path}")

    def read_as(self, language: str, zone: str) -> None:
        cookie = {"name": COOKIE, "value": f"{language},{zone}", "url": self._url}
        self.browser.execute_cdp_cmd("Network.setCookie", cookie)

    def direction(self, selector: str) -> str:
        """Of what an element holds: `ltr` or `rtl`."""
        style = f"return getComputedStyle(document.querySelector('{selector}')).direction"
        return str(self.browser.execute_script(style))

    def hidden_width(self) -> int:
        """Pixels of the page that can only be seen by moving it sideways."""
        whole = "const page = document.documentElement; return page.scrollWidth - page.clientWidth"
        return int(self.browser.execute_script(whole))

    def use_colours(self, scheme: str) -> None:
        """As a system does that prefers ``light`` or ``dark``."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    @contextmanager
    def narrow(self) -> Iterator[None]:
        """As a phone shows it."""
        phone = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
        yield
        self.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    def leave(self) -> None:
        """To where somebody has to say who it is."""
        self._session = self.browser.get_cookie("sessionid")["value"]
        self.browser.delete_cookie("sessionid")
        self.go()

    def come_back(self) -> None:
        cookie = {"name": "sessionid", "value": self._session, "url": self._url}
        self.browser.execute_cdp_cmd("Network.setCookie", cookie)

    def forbid_scripts(self) -> None:
        self.browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})

    @property
    def text(self) -> str:
        return self.browser.find_element(By.TAG_NAME, "body").text

    def number(self, queue: str, name: str) -> int | None:
        """One of a queue's numbers as it is shown; None while it is shown as not known."""
        selector = f"section[aria-labelledby=queue-{queue}] [data-number={name}]"
        # In one step: between two, the page may put a newer number in its place.
        shown = self.browser.execute_script(f"return document.querySelector('{selector}').textContent")
        return None if shown == "not known" else int(shown.replace(",", ""))

    def press(self, words: str) -> None:
        """Click the one button, or link, whose text begins with these words, and wait for what comes."""
        before = self.browser.find_element(By.TAG_NAME, "html").id
        found = self.browser.find_elements(
            By.XPATH,
            f"//main//*[self::button or self::a][starts-with(normalize-space(), '{words}')]",
        )
        assert len(found) == 1, f"{len(found)} of {words!r} in:\n{self.text}"
        found[0].click()
        eventually(lambda: self.browser.find_element(By.TAG_NAME, "html").id != before, what="another page")

    def type_into(self, name: str, words: str) -> None:
        self.browser.find_element(By.NAME, name).send_keys(words)

    def complaints(self) -> list[str]:
        return complaints(self.browser)

    def barriers(self) -> list[str]:
        """What axe-core finds that keeps somebody out, with the elements that do."""
        axe = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()
        self.browser.execute_script(axe)
        found: dict[str, Any] = self.browser.execute_async_script(AXE)
        assert len(found["passes"]) > 10, found
        return [
            f"{rule['id']}: {node['html'][:200]} ({node.get('failureSummary')})"
            for rule in found["violations"]
            for node in rule["nodes"]
        ]

    def picture(self, name: str) -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.browser.save_screenshot(str(PICTURES / f"{name}.png"))
