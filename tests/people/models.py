"""A user model of a team's own, as Django advises everybody to begin with."""

from django.contrib.auth.models import AbstractUser


class Person(AbstractUser):
    """With columns that are still to come."""
