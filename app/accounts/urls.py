from django.urls import path

from app.accounts.views import signup

urlpatterns = [path("signup", signup, name="signup")]
