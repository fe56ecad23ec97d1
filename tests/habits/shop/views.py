"""Views that call tasks wherever it came to mind."""

from celery import chord
from django import forms
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from habits.celery import app

from shop.models import Order
from shop.tasks import deliver, double, receipt, refuse, total


class OrderForm(forms.ModelForm):
    class Meta:
        model = Order
        fields = ("name",)

    def save(self, commit: bool = True) -> Order:
        order = super().save(commit)
        receipt.delay(order.pk)
        return order


def order(request: HttpRequest) -> HttpResponse:
    """By a form, in a transaction."""
    with transaction.atomic():
        OrderForm(request.POST).save()
    return HttpResponse(status=201)


def order_once(request: HttpRequest) -> HttpResponse:
    """Without a transaction of its own; the signal's call is in that of get_or_create."""
    found, created = Order.objects.get_or_create(name=request.POST["name"])
    if created:
        receipt.apply_async((found.pk,), countdown=1)
    return HttpResponse(status=201)


def order_twice(request: HttpRequest) -> HttpResponse:
    """The second breaks the transaction of both."""
    try:
        with transaction.atomic():
            for _ in range(2):
                Order.objects.create(name=request.POST["name"])
    except IntegrityError:
        return HttpResponse(status=409)
    return HttpResponse(status=201)


def ship(request: HttpRequest) -> HttpResponse:
    """Whatever goes wrong with a task must not disturb the customer."""
    try:
        deliver.delay(request.POST["name"])
        refuse.delay(request.POST["name"])
        app.send_task("shop.tasks.deliver", [f"{request.POST['name']} by name"])
        chord([double.s(number) for number in (1, 2, 3)], total.s()).delay()
    except Exception:  # noqa: BLE001 - the habit
        return HttpResponse(status=202)
    return HttpResponse(status=201)
