"""Pages of the admin for whoever is on call: queues, dead letters, schedule and outbox.

They ask the broker and the database, never a worker, and no longer than somebody waits for a page.
"""
