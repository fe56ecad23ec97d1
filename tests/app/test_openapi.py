"""app/accounts/openapi.yaml says what the endpoints do: each answer, good or bad, is held against it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.test import Client
from django.urls import get_resolver
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from openapi_core import OpenAPI
from openapi_core.contrib.django import DjangoOpenAPIRequest, DjangoOpenAPIResponse
from openapi_core.exceptions import OpenAPIError
from openapi_schema_validator import OAS31Validator
from psycopg.errors import AdminShutdown

from app.accounts.models import Token
from app.reports.models import Report, State
from app.webhooks.models import Delivery, Event, Kind, Target
from app.webhooks.post import body_of
from tests.app.conftest import Person
from tests.json_bodies import bodies
from tests.receiver import Receiver

SPECIFICATION = Path(__file__).parents[2] / "app" / "accounts" / "openapi.yaml"
DOCUMENT = OpenAPI.from_file_path(str(SPECIFICATION))
PATHS = DOCUMENT.spec / "paths"

EXAMPLES = hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

#: Stands for the receiver's own URL, which is known only when the test runs.
RECEIVER = "http://127.0.0.1/hook"


class Caller:
    """Calls an endpoint and holds the answer against the document."""

    def __init__(self, secret: str = "") -> None:
        self.client = Client(headers={"Authorization": f"Bearer {secret}"} if secret else {})

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        content = body if isinstance(body, str | bytes) else json.dumps(body)
        answer = self.client.generic(method, path, content, **{"content_type": "application/json", **options})
        request = DjangoOpenAPIRequest(answer.wsgi_request)
        # Django has made UUIDs of them already; the document describes what was in the URL.
        request.parameters.path = {name: str(value) for name, value in request.parameters.path.items()}
        if method in documented_methods(path):
            DOCUMENT.validate_response(request, DjangoOpenAPIResponse(answer))
        answer.documented_request = is_documented(request)
        return answer


def is_documented(request: DjangoOpenAPIRequest) -> bool:
    try:
        DOCUMENT.validate_request(request)
    except (OpenAPIError, RecursionError):
        return False
    return True


def documented_methods(path: str) -> set[str]:
    for template in PATHS.keys():  # noqa: SIM118 - a path of jsonschema-path, not a dictionary
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", str(template)), path):
            return {key.upper() for key in (PATHS / template).keys()} & {"GET", "POST"}  # noqa: SIM118
    return set()


@pytest.fixture
def anonymous(db: None, settings: Any) -> Caller:
    settings.SIGNUPS_PER_HOUR = settings.IN_TOTAL_PER_HOUR = 1_000_000
    settings.WEBHOOKS_PER_HOUR = settings.REPORTS_PER_HOUR = 1_000_000
    return Caller()


@pytest.fixture
def caller(ada: Person) -> Caller:
    return Caller(Token.objects.issue(ada.user)[1])


def test_every_endpoint_is_described_and_nothing_else() -> None:
    served = set()
    for include in get_resolver().url_patterns:
        for endpoint in getattr(include, "url_patterns", []):
            if getattr(endpoint.callback, "__module__", "").startswith("app."):
                # The admin is no endpoint of the API.
                served.add("/" + re.sub(r"<\w+:(\w+)>", r"{\1}", str(endpoint.pattern)))
    assert served - {"/admin/login/"} == set(map(str, PATHS.keys()))


def test_the_kinds_of_events_are_those_of_the_service() -> None:
    assert (DOCUMENT.spec / "components#schemas#Kind#enum").read_value() == Kind.values


def test_good_requests_and_their_answers_are_as_described(
    anonymous: Caller, ada: Person, caller: Caller, receiver: Receiver
) -> None:
    report = Report.objects.create(owner=ada.user, days=3, state=State.DONE, csv="date\n", chart="<svg/>")
    target = Target.objects.create(owner=ada.user, url=RECEIVER, events=["report.done"])
    calls = [
        (202, anonymous.call("POST", "/signup", {"email": "bob@example.com", "name": "Bob"})),
        (202, caller.call("POST", "/reports", {"days": 7})),
        (200, caller.call("GET", f"/reports/{report.pk}")),
        (200, caller.call("GET", f"/reports/{report.pk}/events.csv")),
        (200, caller.call("GET", f"/reports/{report.pk}/chart.svg")),
        (201, caller.call("POST", "/webhooks", {"url": receiver.url, "events": ["report.done"]})),
        (200, caller.call("GET", f"/webhooks/{target.pk}")),
        (200, caller.call("POST", f"/webhooks/{target.pk}/secret", {})),
    ]
    for status, answer in calls:
        assert (answer.status_code, answer.documented_request) == (status, True), answer.wsgi_request.path


def away(*_: Any) -> None:
    """In the place of each statement."""
    raise OperationalError from AdminShutdown()


def broken(*_: Any) -> None:
    raise ValueError("a fault of the service's own")


@pytest.mark.parametrize(("instead", "status"), [(away, 503), (broken, 500)])
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_a_database_that_is_away_and_a_fault_are_answered_as_described(
    *, anonymous: Caller, caller: Caller, receiver: Receiver, accept: str, instead: Any, status: int
) -> None:
    some = "00000000-0000-0000-0000-000000000000"
    calls: list[tuple[Any, ...]] = [
        (anonymous, "POST", "/signup", {"email": "bob@example.com", "name": "Bob"}),
        (caller, "POST", "/reports", {"days": 7}),
        *((caller, "GET", f"/reports/{some}{part}") for part in ("", "/events.csv", "/chart.svg")),
        (caller, "POST", "/webhooks", {"url": receiver.url, "events": ["report.done"]}),
        (caller, "GET", "/webhooks/7"),
        (caller, "POST", "/webhooks/7/secret", {}),
    ]
    for who, method, path, *body in calls:
        who.client.raise_request_exception = False
        with connection.execute_wrapper(instead):
            answer = who.call(method, path, *body, headers={"Accept": accept})
        assert (answer.status_code, answer["Content-Type"].partition(";")[0]) == (status, accept), path


def test_what_django_refuses_before_any_view_is_in_json_or_html(client: Client) -> None:
    asked = {"host": "elsewhere.example"}
    assert list(client.get("/signup", headers=asked).json()["errors"]) == ["request"]
    page = client.get("/signup", headers=asked | {"accept": "text/html,*/*;q=0.8"})
    assert (page.status_code, page["Content-Type"].partition(";")[0]) == (400, "text/html")


@pytest.mark.parametrize("path", ["/signup", "/reports", "/webhooks"])
@pytest.mark.parametrize(
    ("body", "options", "reason"),
    [
        ("", {}, "Expected Content-Type: application/json, got none."),
        ("{", {}, "Expected JSON in UTF-8"),
        ("[" * 20_000, {}, "Expected JSON in UTF-8"),
        ('{"a": NaN}', {}, "NaN is not a JSON number"),
        ('{"a": "\\ud800"}', {}, "Expected JSON in UTF-8"),
        (b"\xff", {}, "Expected JSON in UTF-8"),
        ("1" * 5_000, {}, "Expected JSON in UTF-8"),
        ([], {}, "Expected a JSON object"),
        ({}, {"content_type": "text/plain"}, "got text/plain"),
        (
            {},
            {"content_type": "application/x-www-form-urlencoded"},
            "Expected Content-Type: application/json",
        ),
    ],
)
def test_a_body_that_is_no_json_object_is_refused_as_described(
    *, anonymous: Caller, caller: Caller, path: str, body: Any, options: Any, reason: str
) -> None:
    answer = (anonymous if path == "/signup" else caller).call("POST", path, body, **options)
    assert answer.status_code == 400
    assert reason in answer.json()["errors"]["body"][0]
    assert not answer.documented_request


@pytest.mark.parametrize("path", ["/signup", "/reports", "/webhooks"])
def test_a_body_that_is_too_large_is_refused_as_described(
    anonymous: Caller, caller: Caller, path: str
) -> None:
    answer = (anonymous if path == "/signup" else caller).call("POST", path, {"a": "b" * 70_000})
    assert answer.status_code == 413
    assert "Expected at most 65536 bytes" in answer.json()["errors"]["body"][0]


def test_a_whole_number_is_one_however_it_is_written(caller: Caller) -> None:
    for days, status in (("272.0", 202), ("2.72e2", 202), ("272.5", 400), ("1e400", 400)):
        answer = caller.call("POST", "/reports", f'{{"days": {days}}}')
        assert (answer.status_code, answer.documented_request) == (status, status == 202)


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer wrong", "Basic YTpi"])
def test_without_a_token_nothing_is_answered_but_where_to_get_one(
    anonymous: Caller, authorization: str
) -> None:
    anonymous.client.defaults["HTTP_AUTHORIZATION"] = authorization
    paths = [
        ("POST", "/reports"),
        ("POST", "/webhooks"),
        *(("GET", f"/reports/{KEY}{part}") for part in PARTS),
    ]
    for method, path in paths:
        answer = anonymous.call(method, path, {"days": 1})
        assert answer.status_code == 401
        (sentence,) = answer.json()["errors"]["authorization"]
        assert "'Authorization: Bearer TOKEN'" in sentence
        assert "/signup" in sentence


KEY = "0b0c6d3a-0000-4000-8000-000000000000"
PARTS = ("", "/events.csv", "/chart.svg")


def test_what_is_not_there_is_not_found_as_described(caller: Caller) -> None:
    for part in PARTS:
        assert caller.call("GET", f"/reports/{KEY}{part}").status_code == 404


@pytest.mark.parametrize("path", ["/signup", "/reports", "/webhooks", f"/reports/{KEY}"])
def test_another_method_is_refused_with_those_that_there_are(caller: Caller, path: str) -> None:
    answer = caller.call("DELETE", path)
    assert answer.status_code == 405
    assert documented_methods(path) <= set(answer.headers["Allow"].split(", "))
    assert "got DELETE" in answer.json()["errors"]["method"][0]


def test_too_many_signups_are_refused_as_described(anonymous: Caller, settings: Any) -> None:
    settings.SIGNUPS_PER_HOUR = 1
    anonymous.call("POST", "/signup", {"email": "a@example.com"})
    assert anonymous.call("POST", "/signup", {"email": "b@example.com"}).status_code == 429


def test_what_a_target_receives_is_as_described(ada: Person) -> None:
    described = OAS31Validator(DOCUMENT.spec.read_value() | {"$ref": "#/components/schemas/Delivery"})
    target = Target.objects.create(owner=ada.user, url=RECEIVER, events=Kind.values)
    for kind, data in ((Kind.USER_SIGNED_UP, {"user_id": 7}), (Kind.REPORT_DONE, {"report_id": KEY})):
        event = Event.objects.create(kind=kind, data=data)
        delivery = Delivery.objects.create(event=event, target=target)
        described.validate(json.loads(body_of(delivery)))


def answers_well(caller: Caller, path: str, body: Any) -> None:
    """2xx or 400; and what the document refuses, the service refuses too."""
    with transaction.atomic():
        answer = caller.call("POST", path, body)
        transaction.set_rollback(True)
    assert answer.status_code in {201, 202, 400}, answer.content
    assert answer.documented_request or answer.status_code == 400


@EXAMPLES
@given(body=bodies(email=st.emails(), name=st.text(max_size=150)))
@example(body={"email": "a@" + "İ" * 40 + ".example"})
def test_any_body_of_a_signup_is_answered(anonymous: Caller, body: Any) -> None:
    answers_well(anonymous, "/signup", body)


@EXAMPLES
@given(body=bodies(days=st.integers(-1, 400)))
@example(body={"days": 10**4000})
@example(body={"days": 1e400})
def test_any_body_of_a_report_is_answered(caller: Caller, body: Any) -> None:
    answers_well(caller, "/reports", body)


@EXAMPLES
@given(
    body=bodies(
        url=st.just(RECEIVER) | st.text().map(RECEIVER.__add__) | st.text().map("http://127.0.0.1:".__add__),
        events=st.lists(st.sampled_from(Kind.values)),
    )
)
@example(body={"url": "http://[::1/", "events": ["report.done"]})
@example(body={"url": "http://127.0.0.1\ud7ff/", "events": ["report.done"]})
def test_any_body_of_a_webhook_is_answered(caller: Caller, receiver: Receiver, body: Any) -> None:
    answers_well(caller, "/webhooks", body)
