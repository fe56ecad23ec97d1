"""Settings, and addresses, of a web whose pages fail."""

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path

from tests.settings import *  # noqa: F403

ROOT_URLCONF = "tests.faulty"


def query(_request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("It answers.")


def fail(_request: HttpRequest) -> HttpResponse:
    addresses = [settings.CELERY_BROKER_URL, settings.SWITCHYARD_BROKER_MANAGEMENT_URL]
    raise ValueError(f"{len(addresses)} addresses are not used")


def quote(_request: HttpRequest) -> HttpResponse:
    raise ValueError(f"{settings.DATABASES['default']['PASSWORD']} {settings.CELERY_BROKER_URL}")


urlpatterns = [path("query", query), path("fail", fail), path("quote", quote)]
