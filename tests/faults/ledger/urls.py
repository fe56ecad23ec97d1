from django.urls import include, path

from tests.faults.ledger import views

urlpatterns = [path("promise", views.promise), path("", include("app.urls"))]
