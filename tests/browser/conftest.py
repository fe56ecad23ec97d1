"""The pages in a real browser, served by the real web role. `make browser` runs them."""

import site
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from deploy.local.environment import LOCAL, ROOT, ensure
from deploy.local.home import make_folder
from deploy.local.ports import free_ports
from tests.live.conftest import bury, channel, environment, processes, vhost, yard  # noqa: F401 - fixtures
from tests.live.processes import Process, Processes, answer, eventually

TOOLS = LOCAL / "browser" / "venv"

make_folder(TOOLS.parent)
ensure(TOOLS, ROOT / "tests" / "browser" / "requirements.txt")
# After what the environment has of its own.
site.addsitedir(str(next(TOOLS.glob("lib/python*/site-packages"))))

from tests.browser.page import Page  # noqa: E402


@dataclass
class Web:
    role: Process
    url: str


@pytest.fixture(scope="session")
def static_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `collectstatic` makes, for the web role and for Django's client."""
    settings.STATIC_ROOT = str(tmp_path_factory.mktemp("static"))
    call_command("collectstatic", interactive=False, verbosity=0)
    return Path(settings.STATIC_ROOT)


@pytest.fixture
def web(yard: Processes, static_files: Path) -> Web:  # noqa: F811
    [port] = free_ports(1)
    url = f"http://localhost:{port}"
    told = {"PORT": str(port), "PUBLIC_URL": url, "STATIC_ROOT": str(static_files)}
    role = yard.start("web", env=told | {"DJANGO_SETTINGS_MODULE": "tests.browser.locales"})
    eventually(lambda: (found := answer(f"{url}/readyz")) and found.is_success, what="web to answer")
    return Web(role, url)


@pytest.fixture
def page(web: Web, tmp_path: Path) -> Iterator[Page]:
    """A browser in which somebody is signed in who may do everything."""
    client = Client()
    client.force_login(User.objects.create_superuser("ada"))
    with Page.opened(web.url, tmp_path / "profile", client.cookies["sessionid"].value) as found:
        yield found
