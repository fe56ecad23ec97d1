from django.urls import include, path

from tests.faults.ledger import views

urlpatterns = [
    path("promise", views.promise),
    path("answer", views.answer),
    path("", include("app.urls")),
]
