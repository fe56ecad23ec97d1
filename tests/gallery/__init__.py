"""Small tasks with one habit each, for tests with real workers."""
