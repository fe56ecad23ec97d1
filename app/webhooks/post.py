"""One signed HTTP request to a target."""

import asyncio
import hmac
import json
import ssl
from functools import cache

import httpx

from app.webhooks.addresses import resolve
from app.webhooks.models import Delivery

#: The whole request. httpx's own timeouts start again with every byte that a slow target sends.
TOTAL_SECONDS = 20
TIMEOUTS = httpx.Timeout(10, connect=5)


class NoAnswer(Exception):
    """Raised when a target could not be reached or did not answer in time."""


def post(delivery: Delivery) -> int:
    """Send ``delivery`` and return the HTTP status of the answer. No redirect is followed, no body read.

    Raises NoAnswer, and TargetUnresolved or TargetPrivate before anything is sent.
    """
    url = httpx.URL(delivery.target.url)
    address = resolve(url.raw_host.decode("ascii"), url.port or 443)[0]
    body = body_of(delivery)
    headers = {
        "Host": url.netloc.decode("ascii"),
        "User-Agent": "Switchyard",
        "Content-Type": "application/json",
        "Idempotency-Key": str(delivery.pk),
        "X-Switchyard-Event": delivery.event.kind,
        "X-Switchyard-Signature": signature(delivery.target.secret, body),
    }
    try:
        return asyncio.run(_post(url, address, headers, body))
    except (httpx.HTTPError, httpx.StreamError, OSError) as error:
        raise NoAnswer(f"{type(error).__name__}: {error}".rstrip(": ")) from error


def body_of(delivery: Delivery) -> bytes:
    """The JSON object that a target receives; the same bytes at each attempt."""
    event = delivery.event
    return json.dumps(
        {
            "id": str(delivery.pk),
            "kind": event.kind,
            "occurred_at": event.occurred_at.isoformat(),
            "data": event.data,
        }
    ).encode()


def signature(secret: str, body: bytes) -> str:
    """The value of X-Switchyard-Signature: HMAC-SHA256 of the raw body."""
    return f"sha256={hmac.digest(secret.encode(), body, 'sha256').hex()}"


async def _post(url: httpx.URL, address: str, headers: dict[str, str], body: bytes) -> int:
    """Connect to ``address``, but ask for, and check the certificate of, the host in ``url``."""
    async with (
        asyncio.timeout(TOTAL_SECONDS),
        # No proxy from the environment: it would resolve the name again.
        httpx.AsyncClient(verify=_certificates(), trust_env=False, timeout=TIMEOUTS) as client,
        client.stream(
            "POST",
            url.copy_with(host=address),
            content=body,
            headers=headers,
            extensions={"sni_hostname": url.raw_host.decode("ascii")},
        ) as response,
    ):
        return response.status_code


@cache
def _certificates() -> ssl.SSLContext:
    """Reading the trusted certificates takes longer than sending the request."""
    return httpx.create_ssl_context()
