"""Shows people who run the service its queues, dead letters, schedule and outbox: pages and verbs.

They ask the broker and the database, never a worker, and no longer than somebody waits for a page.
"""
