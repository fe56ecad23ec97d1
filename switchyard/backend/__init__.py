"""Runs the tasks of Django's own API (``django.tasks``, or its backport) as routed tasks of this project.

TASKS = {"default": {"BACKEND": "switchyard.backend.outbox.OutboxBackend"}}
"""
