"""The settings of a project that watches its tasks, set up as its library's documentation says.

``INSTRUMENTATION`` says by which. What it reports goes nowhere.
"""

import os

import sentry_sdk
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import set_tracer_provider
from sentry_sdk.integrations.celery import CeleryIntegration

from tests.settings import *  # noqa: F403


def sentry() -> None:
    sentry_sdk.init(
        dsn="http://nobody@127.0.0.1:9/1",
        integrations=[CeleryIntegration(monitor_beat_tasks=True, propagate_traces=True)],
        traces_sample_rate=1.0,
        shutdown_timeout=0,
    )


def opentelemetry() -> None:
    set_tracer_provider(TracerProvider())
    CeleryInstrumentor().instrument()


{"sentry": sentry, "opentelemetry": opentelemetry}[os.environ["INSTRUMENTATION"]]()
