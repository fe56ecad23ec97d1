"""Settings are read from the environment, once, and wrong ones are refused with the variable's name."""

import json
import os
import subprocess
import sys

import pytest

BASE = {
    "PATH": os.environ["PATH"],
    "SECRET_KEY": "a",
    "DATABASE_URL": "postgres://u:p@db:5432/n",
    "BROKER_URL": "pyamqp://u:p@mq:5672/v",
}


def read(expression: str, **env: str | None):
    """The value of an expression over app.settings in a fresh process with this environment."""
    code = f"import json; from app import settings; print(json.dumps({expression}, default=str))"
    environment = {name: value for name, value in (BASE | env).items() if value is not None}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    return json.loads(result.stdout) if result.returncode == 0 else result.stderr


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATABASE_URL", "BROKER_URL"])
def test_a_missing_secret_is_refused_by_name(name: str) -> None:
    assert f'Environment variable "{name}" not set' in read("1", **{name: None})


#: Celery's configuration of the service.
CELERY = "__import__('app.celery').celery_app.conf"


def test_plain_amqp_is_always_py_amqp() -> None:
    url = f"{CELERY}.broker_url"
    assert read(url, BROKER_URL="amqp://u:p@mq/v") == "pyamqp://u:p@mq/v"
    assert read(url, BROKER_URL="amqp://u:p@a/v;amqp://u:p@b/v") == "pyamqp://u:p@a/v;pyamqp://u:p@b/v"
    assert read(url, BROKER_URL="librabbitmq://mq/") == "librabbitmq://mq/"


@pytest.mark.parametrize(
    ("scheme", "driver"),
    [
        ("amqp", "switchyard.broker.transport"),
        ("pyamqp", "switchyard.broker.transport"),
        ("amqps", "kombu.transport.pyamqp"),
    ],
)
def test_an_importable_librabbitmq_changes_nothing(tmp_path, scheme: str, driver: str) -> None:
    """kombu alone would take it for amqp:// as soon as it can be imported."""
    (tmp_path / "librabbitmq.py").write_text("")
    control = "__import__('kombu').Connection('amqp://mq/').transport_cls"
    ours = "__import__('app.celery').celery_app.connection_for_write().get_transport_cls().__module__"
    environment = {"BROKER_URL": f"{scheme}://u:p@mq/v", "PYTHONPATH": str(tmp_path)}
    assert read(control, **environment) == "librabbitmq"
    assert read(ours, **environment) == driver


def test_tls_checks_the_name_of_the_brokers_certificate() -> None:
    """tests/rollout/test_broker_tls.py tries it on a real one."""
    assert read(f"{CELERY}.broker_use_ssl", BROKER_URL="amqps://u:p@mq/v") == {"server_hostname": None}
    assert not read(f"{CELERY}.broker_use_ssl")


def test_a_secret_can_be_a_mounted_file(tmp_path) -> None:
    (tmp_path / "key").write_text("from a file\n")
    assert (
        read("settings.SECRET_KEY", SECRET_KEY_FILE=str(tmp_path / "key"), SECRET_KEY=None) == "from a file"
    )


def test_https_is_required_of_browsers_when_the_public_address_is_https() -> None:
    https = "[settings.SESSION_COOKIE_SECURE, settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS > 0]"
    assert read(https, PUBLIC_URL="https://yard.example") == [True, True, True]
    assert read(https) == [False, False, False]


def test_a_wrong_log_format_is_refused() -> None:
    assert "LOG_FORMAT" in read("1", LOG_FORMAT="xml")
