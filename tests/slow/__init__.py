"""Web under slow clients, measured beside gunicorn as it comes."""
