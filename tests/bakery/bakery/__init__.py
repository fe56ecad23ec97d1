from bakery.celery import oven

__all__ = ["oven"]
