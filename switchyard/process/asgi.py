"""The project as an ASGI application: ``uvicorn switchyard.process.asgi:application``.

Its requests share connections. The role ``web`` serves it, or the project's own ASGI_APPLICATION, where
SWITCHYARD_WEB_ASGI is true.
"""

from django.core.asgi import get_asgi_application

from switchyard.postgresql.pool import ASYNC_WAIT_SECONDS, share_connections

application = get_asgi_application()
# A request's synchronous part has a thread of its own, which takes what it opened along when it ends.
share_connections(wait_seconds=ASYNC_WAIT_SECONDS, impatient=True)
