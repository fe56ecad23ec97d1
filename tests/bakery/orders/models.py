from django.db import models


class Loaf(models.Model):
    name = models.CharField(max_length=100, unique=True)
    shop = models.CharField(max_length=100, default="")

    def __str__(self) -> str:
        return self.name
