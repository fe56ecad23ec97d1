"""Loaves, and who may use the back office: with an e-mail for a name and a UUID for a key."""

from uuid import uuid4

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models


class Bakers(BaseUserManager):
    def create_superuser(self, email):
        return self.create(email=email, is_staff=True, is_superuser=True)


class Baker(AbstractBaseUser, PermissionsMixin):
    id = models.UUIDField(primary_key=True, default=uuid4)
    email = models.EmailField(unique=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)

    objects = Bakers()
    USERNAME_FIELD = "email"


class Loaf(models.Model):
    name = models.CharField(max_length=100, unique=True)
    shop = models.CharField(max_length=100, default="")

    def __str__(self) -> str:
        return self.name
