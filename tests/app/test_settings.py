"""Settings are read from the environment, once, and wrong ones are refused with the variable's name."""

import json
import os
import subprocess
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured

from app.environment import VARIABLES
from app.environment.reader import Environment
from app.environment.unknown import unknown

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
    assert f"{name}: not set. Expected" in read("1", **{name: None})


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


#: Each with what the one line says of it.
WRONG = [
    ("WEB_THREADS", "0", "'0' came. Expected a whole number from 1 to 1,024."),
    ("DATABASE_POOL_SIZE", "-1", "'-1' came. Expected a whole number from 0 to 1,000."),
    ("WAIT_SECONDS", "-5", "'-5' came. Expected a whole number from 0 to 86,400."),
    ("SIGNUPS_PER_HOUR", "-1", "'-1' came. Expected a whole number from 0 to 1,000,000,000."),
    ("PUBLIC_URL", "example.com", "'example.com' came. Expected a URL: http:// or https:// and a host."),
    ("PUBLIC_URL", "https://", "Expected a URL"),
    ("PUBLIC_URL", "https://a:0x/", "Expected a URL"),
    ("PORT", "abc", "'abc' came. Expected a whole number from 1 to 65,535."),
    ("PORT", "70000", "Expected a whole number from 1 to 65,535."),
    ("PORT", "\uff18\uff10", "Expected a whole number from 1 to 65,535."),
    ("PORT", "1e3", "Expected a whole number from 1 to 65,535."),
    ("DEBUG", "maybe", "'maybe' came. Expected true or false."),
    ("LOG_FORMAT", "xml", "'xml' came. Expected auto or json or console."),
    ("LOG_LEVEL", "LOUD", "Expected DEBUG or INFO"),
    ("BIND_ADDRESS", "10.0.0", "Expected an address, or localhost."),
    ("CSRF_TRUSTED_ORIGINS", "https://a.example,b.example", "Expected a URL"),
    ("EMAIL_HOST", "a\nb", "Expected text."),
]


@pytest.mark.parametrize(("name", "value", "said"), WRONG)
def test_a_wrong_value_is_one_line_that_says_what_came_and_what_is_expected(
    name: str, value: str, said: str
) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        Environment(VARIABLES, BASE | {name: value})
    (line,) = str(refused.value).splitlines()
    assert line.startswith(f"{name}: ")
    assert said in line


@pytest.mark.parametrize(
    ("name", "value"),
    [("DATABASE_URL", "mysql://u:hush@db/n"), ("BROKER_URL", "redis://u:hush@mq"), ("DATABASE_URL", "hush")],
)
def test_a_wrong_secret_is_named_and_not_shown(name: str, value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"^{name}: .*xpected") as refused:
        Environment(VARIABLES, BASE | {name: value})
    assert "hush" not in str(refused.value)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        Environment(VARIABLES, BASE | {name: value for name, value, _ in WRONG})
    assert len(str(refused.value).splitlines()) == len({name for name, *_ in WRONG})


def test_every_default_is_what_its_variable_takes() -> None:
    for variable in VARIABLES:
        if isinstance(variable.default, bool | int | str) and variable.default != "":
            assert variable.kind.read(str(variable.default)) == variable.default, variable.name


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"SECRET_KEY_FILE: cannot be read \(No such file"):
        Environment(VARIABLES, BASE | {"SECRET_KEY_FILE": "/nowhere"})


@pytest.mark.parametrize(
    ("name", "near"),
    [("WEB_THREAD", "WEB_THREADS"), ("SWITCHYARD_PORT", "PORT"), ("SIGNUPS_PERHOUR", "SIGNUPS_PER_HOUR")],
)
def test_a_variable_that_nobody_reads_is_named_with_the_nearest(name: str, near: str) -> None:
    assert list(unknown(VARIABLES, BASE | {name: "1"})) == [(name, near)]


@pytest.mark.parametrize(
    ("name", "value"),
    [("WEB_PORT", "tcp://10.0.0.1:80"), ("WEB_SERVICE_PORT", "80"), ("NO_PROXY", "a"), ("LOG_DIR", "/logs")],
)
def test_what_the_platform_sets_is_nobodys_mistake(name: str, value: str) -> None:
    assert list(unknown(VARIABLES, BASE | {name: value})) == []


def run(*words: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """``python -m app`` in this environment, to its end."""
    environment = BASE | {"DJANGO_SETTINGS_MODULE": "app.settings"} | env
    command = [sys.executable, "-m", "app", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_wrong_value_ends_a_role_with_its_line_and_no_traceback() -> None:
    ended = run("web", PORT="abc", WAIT_SECONDS="-5")
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 2)
    assert "PORT: 'abc' came." in ended.stderr


def test_help_lists_every_variable_and_check_names_what_is_not_one() -> None:
    listed = run("--help").stdout
    assert all(f"  {variable.name}  " in listed for variable in VARIABLES)
    checked = run("check", WEB_THREAD="4")
    assert (checked.returncode, "Did you mean WEB_THREADS?" in checked.stderr) == (0, True)
