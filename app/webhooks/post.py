"""One HTTP request to a target, signed as the Standard Webhooks specification has it."""

import asyncio
import binascii
import hmac
import json
import ssl
from base64 import b64decode, b64encode
from functools import cache

import httpx
from django.utils import timezone

from app.webhooks.addresses import resolve
from app.webhooks.models import Delivery, Target

#: The whole request. httpx's own timeouts start again with every byte that a slow target sends.
TOTAL_SECONDS = 20
TIMEOUTS = httpx.Timeout(10, connect=5)
#: Of a name, that are tried one after the other.
MOST_ADDRESSES = 4

CHALLENGE = "webhook.challenge"
#: Of the answer to a challenge, that are read.
ANSWER_BYTES = 4096
SECRET_PREFIX = "whsec_"  # noqa: S105 - what each begins with


class NoAnswer(Exception):
    """Raised when a target could not be reached or did not answer in time."""


def post(delivery: Delivery) -> int:
    """Send ``delivery`` and return the HTTP status of the answer. No redirect is followed, no body read.

    Raises NoAnswer, and TargetUnresolved or TargetPrivate before anything is sent.
    """
    headers = {"Idempotency-Key": str(delivery.pk), "X-Switchyard-Event": delivery.event.kind}
    return _send(delivery.target, str(delivery.pk), body_of(delivery), headers)[0]


def ask(target: Target) -> bool:
    """Whether the target answers its challenge: 2xx, and its text in the body. Raises as ``post`` does."""
    body = json.dumps({"kind": CHALLENGE, "challenge": target.challenge}).encode()
    name = f"challenge-{target.pk}"
    headers = {"Idempotency-Key": name, "X-Switchyard-Event": CHALLENGE}
    status, answer = _send(target, name, body, headers, read=ANSWER_BYTES)
    return 200 <= status < 300 and bool(target.challenge) and target.challenge.encode() in answer


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


def signatures(secrets: list[str], name: str, timestamp: int, body: bytes) -> str:
    """The value of webhook-signature: one for each secret, any of which the receiver may know."""
    signed = f"{name}.{timestamp}.".encode() + body
    each = [hmac.digest(_key(secret), signed, "sha256") for secret in secrets]
    return " ".join(f"v1,{b64encode(digest).decode()}" for digest in each)


def _key(secret: str) -> bytes:
    """Of a secret that an earlier release made (64 hex digits) its text."""
    if not secret.startswith(SECRET_PREFIX):
        return secret.encode()
    try:
        return b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("A secret of a webhook is whsec_ and base64.") from error


def _send(
    target: Target, name: str, body: bytes, headers: dict[str, str], read: int = 0
) -> tuple[int, bytes]:
    url = httpx.URL(target.url)
    addresses = resolve(url.raw_host.decode("ascii"), url.port or 443)
    timestamp = int(timezone.now().timestamp())
    headers |= {
        "Host": url.netloc.decode("ascii"),
        "User-Agent": "Switchyard",
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signatures(target.secrets, name, timestamp, body),
    }
    try:
        return asyncio.run(_post_to_one(url, addresses, headers, body, read))
    except (httpx.HTTPError, httpx.StreamError, OSError) as error:
        raise NoAnswer(f"{type(error).__name__}: {error}".rstrip(": ")) from error


async def _post_to_one(
    url: httpx.URL, addresses: list[str], headers: dict[str, str], body: bytes, read: int
) -> tuple[int, bytes]:
    """To the first of the addresses, each of which was checked, that lets us connect."""
    async with (
        asyncio.timeout(TOTAL_SECONDS),
        # No proxy from the environment: it would resolve the name again.
        httpx.AsyncClient(verify=_certificates(), trust_env=False, timeout=TIMEOUTS) as client,
    ):
        for address in addresses[:MOST_ADDRESSES]:
            try:
                return await _post(client, url, address, headers=headers, body=body, read=read)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
        raise failure


async def _post(
    client: httpx.AsyncClient,
    url: httpx.URL,
    address: str,
    *,
    headers: dict[str, str],
    body: bytes,
    read: int,
) -> tuple[int, bytes]:
    """Connect to ``address``, but ask for, and check the certificate of, the host in ``url``."""
    extensions = {"sni_hostname": url.raw_host.decode("ascii")}
    place = url.copy_with(host=address)
    answer = b""
    async with client.stream("POST", place, content=body, headers=headers, extensions=extensions) as response:
        if read:
            async for part in response.aiter_raw():
                answer += part[: read - len(answer)]
                if len(answer) >= read:
                    break
        return response.status_code, answer


@cache
def _certificates() -> ssl.SSLContext:
    """Reading the trusted certificates takes longer than sending the request."""
    return httpx.create_ssl_context()
