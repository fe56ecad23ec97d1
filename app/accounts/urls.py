from django.urls import path

from app.accounts.login import login
from app.accounts.views import signup

urlpatterns = [path("signup", signup, name="signup"), path("admin/login/", login)]
