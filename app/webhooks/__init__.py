"""Webhooks: what happened, who wants to know, and each delivery of the one to the other."""
