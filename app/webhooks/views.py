"""``POST /webhooks``."""

from django.http import HttpRequest, JsonResponse

from app.accounts.api import Problem, authenticate, endpoint
from app.accounts.body import read_form
from app.webhooks.forms import TargetForm
from app.webhooks.models import Target

#: Each target of a user multiplies the requests that one event causes.
TARGETS_PER_USER = 20


@endpoint("POST")
def register(request: HttpRequest) -> JsonResponse:
    owner = authenticate(request)
    fields = read_form(request, TargetForm)
    if Target.objects.filter(owner=owner).count() >= TARGETS_PER_USER:
        raise Problem(400, {"body": [f"You have {TARGETS_PER_USER} targets, as many as are allowed."]})
    target = Target.objects.create(owner=owner, **fields)
    return JsonResponse(
        {"id": target.pk, "url": target.url, "events": target.events, "secret": target.secret}, status=201
    )
