"""Where a request comes from, by an address that whoever sends it cannot choose."""

from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

UNKNOWN = "unknown"


def client_address(request: HttpRequest) -> str:
    """An IPv4 address, or an IPv6 /64, which is what one customer is given.

    Behind proxies of ours (TRUST_PROXY, and TRUSTED_PROXIES of them in a row) it is what the outermost of
    them wrote down: so many entries from the right of X-Forwarded-For, as what is left of that the client may
    have sent itself. Where there are fewer entries, or that one is no address, it is the peer.
    """
    peer = request.META.get("REMOTE_ADDR", "")
    return _network(_forwarded(request)) or _network(peer) or UNKNOWN


def _forwarded(request: HttpRequest) -> str:
    if not settings.TRUST_PROXY:
        return ""
    entries = request.headers.get("X-Forwarded-For", "").split(",")
    if len(entries) < settings.TRUSTED_PROXIES:
        return ""
    client: str = entries[-settings.TRUSTED_PROXIES]
    return client.strip()


def _network(address: str) -> str:
    try:
        known = ip_address(address)
    except ValueError:
        return ""
    if isinstance(known, IPv6Address):
        return str(known.ipv4_mapped or ip_network((known, 64), strict=False))
    return str(known)
