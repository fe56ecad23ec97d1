"""`check --deploy` says when nobody has collected the static files that each page of the admin names."""

from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

WHITENOISE = {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}


@pytest.fixture
def said(settings: Any, capsys: pytest.CaptureFixture[str]) -> Any:
    settings.STORAGES = {**settings.STORAGES, **WHITENOISE}

    def said() -> bool:
        call_command("check", "--deploy")
        return "yard.W7" in capsys.readouterr().err

    return said


def login_page() -> int:
    return int(Client(raise_request_exception=False).get("/admin/login/").status_code)


@pytest.mark.django_db
def test_check_says_that_the_static_files_were_not_collected_until_they_are(said: Any, settings: Any) -> None:
    assert login_page() == 500
    assert said()
    call_command("collectstatic", interactive=False, verbosity=0)
    settings.STORAGES = {**settings.STORAGES}
    assert login_page() == 200
    assert not said()
