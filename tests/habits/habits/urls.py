from django.urls import path
from shop import views

urlpatterns = [
    path("order/", views.order),
    path("order-once/", views.order_once),
    path("order-twice/", views.order_twice),
    path("ship/", views.ship),
]
