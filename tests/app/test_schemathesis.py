"""Whatever a client that reads app/accounts/openapi.yaml may send is answered as that says."""

from functools import cache
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from app.accounts.models import Token
from tests.app.conftest import Person
from tests.app.test_openapi import SPECIFICATION

#: What the document cannot say: which addresses mail takes, which hosts are public.
STRICTER_THAN_DESCRIBED = {"/signup", "/webhooks"}


@cache
def service() -> WSGIHandler:
    """When the first test's settings are there."""
    return WSGIHandler()


def application(environ: Any, start_response: Any) -> Any:
    return service()(environ, start_response)


api = schemathesis.openapi.from_path(str(SPECIFICATION))
api.app = application


@pytest.fixture
def authorization(ada: Person, settings: Any) -> dict[str, str]:
    settings.SIGNUPS_PER_HOUR = 10_000
    return {"Authorization": f"Bearer {Token.objects.issue(ada.user)[1]}"}


OPERATIONS = {found.ok().label: found.ok() for found in api.get_all_operations()}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("label", OPERATIONS)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.name)
def test_each_endpoint_answers_as_described(
    label: str, mode: GenerationMode, authorization: dict[str, str]
) -> None:
    """With what it says that it takes, and with what it does not."""

    @hypothesis_settings(max_examples=12)
    @given(case=OPERATIONS[label].as_strategy(generation_mode=mode))
    def answer(case: Any) -> None:
        excluded = [positive_data_acceptance] if case.path in STRICTER_THAN_DESCRIBED else []
        case.call_and_validate(headers=authorization, excluded_checks=excluded)

    answer()
