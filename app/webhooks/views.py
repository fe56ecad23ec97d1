"""``POST /webhooks``, ``GET /webhooks/ID`` and ``POST /webhooks/ID/secret``."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from app.accounts.api import Problem, authenticate, endpoint, url_of
from app.accounts.body import read_form
from app.accounts.limits import of_webhook
from app.accounts.throttle import guard
from app.webhooks import challenge
from app.webhooks.forms import TargetForm
from app.webhooks.models import Target, new_secret
from app.webhooks.tasks import confirm

#: How long both secrets sign after a rotation.
BOTH_SECRETS = timedelta(hours=24)


@endpoint("POST")
def register(request: HttpRequest) -> JsonResponse:
    """Its host's name is looked up by the task that sends the challenge, and not while somebody waits."""
    owner = authenticate(request)
    fields = read_form(request, TargetForm)
    guard("body", *of_webhook(owner))
    try:
        with transaction.atomic():
            target = challenge.register(owner, **fields)
            confirm.delay_on_commit(target.pk)  # type: ignore[attr-defined]
    except challenge.NoPlace as error:
        raise Problem(400, {"body": [str(error)]}) from error
    return JsonResponse({**_described(target), "secret": target.secret}, status=201)


@endpoint("GET", "HEAD")
def show(request: HttpRequest, target_id: int) -> JsonResponse:
    return JsonResponse(_described(_owned(authenticate(request), target_id)))


@endpoint("POST")
def rotate(request: HttpRequest, target_id: int) -> JsonResponse:
    """A new secret; the one before it signs as well for a day."""
    target = _owned(authenticate(request), target_id)
    target.earlier_secret, target.earlier_secret_until = target.secret, timezone.now() + BOTH_SECRETS
    target.secret = new_secret()
    target.save(update_fields=["secret", "earlier_secret", "earlier_secret_until"])
    return JsonResponse({**_described(target), "secret": target.secret})


def _owned(owner: User, target_id: int) -> Target:
    target = Target.objects.filter(pk=target_id, owner=owner).first()
    if target is None:
        raise Problem(404, {"id": [f"You have no target {target_id}."]})
    return target


def _described(target: Target) -> dict[str, Any]:
    return {
        "id": target.pk,
        "url": target.url,
        "events": target.events,
        "state": target.state,
        "trouble": target.trouble,
        "status_url": url_of("webhook", target.pk),
    }
