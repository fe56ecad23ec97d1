"""What Celery tells of its configuration: its own options, however a project names them, and no secret."""

from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery

from switchyard.broker.inspection import tell_only_own

#: Of a project with Celery's options under a prefix, and of one whose app reads the settings as they are.
PREFIXED = {
    "CELERY_BROKER_URL": "pyamqp://u:hush@a/v;pyamqp://u:hush@b/v",
    "CELERY_BROKER_READ_URL": ["pyamqp://u:hush@a/v", "pyamqp://u:hush@b/v"],
    "CELERY_RESULT_BACKEND": "db+postgresql://u:hush@h/n",
    "CELERY_BROKER_TRANSPORT_OPTIONS": {
        "sentinel_kwargs": {"password": "hush"},
        "alternate": "amqp://u:hush@h",
    },
    "CELERY_ONCE": {"settings": {"url": "redis://:hush@h"}},
    "CELERY_TASK_TRACK_STARTED": True,
}
PLAIN = {
    "BROKER_URL": "pyamqp://u:hush@a/v;pyamqp://u:hush@b/v",
    "CELERY_RESULT_BACKEND": "redis://:hush@h",
    "CELERY_TRACK_STARTED": True,
}
DJANGO = {
    "SECRET_KEY": "hush",
    "DATABASES": {"default": {"PASSWORD": "hush"}},
    "SWITCHYARD_BROKER_MANAGEMENT_URL": "http://u:hush@h",
    "OUR_SEARCH": "https://u:hush@h",
    "OUR_WORD": "hush",
}


def configured(settings: dict[str, Any], namespace: str | None) -> Celery:
    app = Celery("theirs", set_as_current=False, loader="default")
    app.config_from_object(SimpleNamespace(**settings), namespace=namespace)
    tell_only_own(app.conf.finalize() and app.conf)
    return app


@pytest.mark.parametrize(("project", "namespace"), [(PREFIXED, "CELERY"), (PLAIN, None)])
@pytest.mark.parametrize("with_defaults", [False, True])
def test_only_celerys_own_options_are_told_and_no_secret(project, namespace, with_defaults) -> None:
    conf = configured(project | DJANGO, namespace).conf
    told = conf.table(with_defaults=with_defaults)
    assert "hush" not in str(told)
    assert not told.keys() & DJANGO.keys()
    assert "CELERY_ONCE" not in told
    assert (len(told) > 50) is with_defaults
    assert "u:" in told["CELERY_BROKER_URL" if namespace else "BROKER_URL"]


@pytest.mark.parametrize(("project", "namespace"), [(PREFIXED, "CELERY"), (PLAIN, None)])
def test_a_report_holds_no_secret(project, namespace) -> None:
    report = configured(project | DJANGO, namespace).bugreport()
    assert "hush" not in report
    assert "TRACK_STARTED: True" in report


def test_an_address_that_cannot_be_read_is_hidden_too() -> None:
    told = configured({"CELERY_BROKER_URL": "pyamqp://u:hush/hush@h/v"}, "CELERY").conf.humanize()
    assert "hush" not in told


def test_what_is_not_told_can_be_asked_for_by_its_name() -> None:
    conf = configured(PREFIXED | DJANGO, "CELERY").conf
    assert conf["OUR_WORD"] == "hush"
    assert conf.broker_url == PREFIXED["CELERY_BROKER_URL"]
    assert "hush" in str(conf.table(censored=False))
