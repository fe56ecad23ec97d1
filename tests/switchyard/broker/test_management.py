"""What the management client says when the broker is not there, not ours, or not willing."""

import json

import pytest

from switchyard.broker.management import Management, ManagementError
from tests.answering import answering


def read(url: str, *, timeout_seconds: float = 5) -> list[dict[str, object]]:
    with Management(url, "yard", timeout_seconds=timeout_seconds) as management:
        return management.rows("queues", ["name"])


def refusal(url: str, *, timeout_seconds: float = 5) -> str:
    with pytest.raises(ManagementError) as refused:
        read(url, timeout_seconds=timeout_seconds)
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_vhost_with_a_slash_is_one_part_of_the_path() -> None:
    with answering() as api, Management(api.url, "a/b") as management:
        management.rows("queues", ["name"])
    assert api.requests == ["/api/queues/a%2Fb?columns=name"]


def test_an_api_that_is_away_names_its_address_and_the_setting() -> None:
    said = refusal("http://user:secret@127.0.0.1:1")
    assert "http://127.0.0.1:1 did not answer" in said
    assert "BROKER_MANAGEMENT_URL" in said


def test_an_api_that_is_silent_is_given_up_in_time() -> None:
    with answering() as api:
        api.answers.clear()
        assert "timed out" in refusal(api.url, timeout_seconds=0.2)


def test_a_wrong_password_names_the_user() -> None:
    with answering(401, b'{"error":"not_authorized","reason":"Login failed"}') as api:
        said = refusal(api.url)
    assert "401 (Login failed)" in said
    assert "'user'" in said


def test_a_missing_vhost_is_named() -> None:
    with answering(404, b'{"error":"Object Not Found","reason":"Not Found"}') as api:
        assert "no vhost 'yard'" in refusal(api.url)


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'["name"]', b'[{"vhost": "yard"}]', b"\xff\xfe"])
def test_an_answer_that_is_not_the_management_apis_is_refused(body: bytes) -> None:
    with answering(200, body) as api:
        assert "Is it RabbitMQ's management API?" in refusal(api.url)


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        (
            "Cannot declare a queue 'q' on node 'n': the corresponding feature flag is disabled",
            "enable_feature_flag all",
        ),
        ("cannot declare queue 'q': queue limit in vhost 'v' (1) is reached", "set_vhost_limits"),
        ('[{<<"delivery-limit">>,-1}] are not recognised policy settings', "The broker's log"),
    ],
)
def test_a_declaration_that_is_declined_says_what_to_change(reason: str, remedy: str) -> None:
    with answering(400, json.dumps({"error": "bad_request", "reason": reason}).encode()) as api:
        assert remedy in refusal(api.url).rpartition("): ")[2]


@pytest.mark.parametrize("status", [302, 500, 503])
def test_any_other_status_is_quoted(status: int) -> None:
    with answering(status, b"try\nlater") as api:
        assert f"{status} (try later)" in refusal(api.url)


def test_the_environments_proxy_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with answering() as api:
        assert read(api.url) == []


@pytest.mark.parametrize("url", ["", "127.0.0.1:15672", "amqp://host", "http://user:se/cret@host:1"])
def test_a_management_url_of_another_form_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(ManagementError, match="must have the form http://") as refused:
        Management(url, "yard")
    assert "cret" not in str(refused.value)


def test_an_address_is_shown_without_credentials() -> None:
    with Management("http://user:secret@[::1]:15672/", "yard") as management:
        assert str(management) == "http://[::1]:15672, vhost yard"
