"""Registers the engine with Django's admin, which looks here."""

from switchyard.ops import admin

__all__ = ["admin"]
