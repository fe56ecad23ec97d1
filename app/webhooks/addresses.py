"""Which addresses a webhook may be sent to: not those inside our own network.

A name is resolved once and the checked address is the one that is connected to, so a name that answers
differently the second time (DNS rebinding) gains nothing.
"""

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from django.conf import settings

Address = IPv4Address | IPv6Address

#: A gateway turns the last 32 bits into an IPv4 address (RFC 6052).
NAT64 = IPv6Network("64:ff9b::/96")


class TargetUnresolved(Exception):
    """Raised when the name of a target has no address at the moment."""


class TargetPrivate(Exception):
    """Raised when a target resolves to an address that is not on the public internet."""


def resolve(host: str, port: int) -> list[str]:
    """The addresses of ``host``, in the order to be tried. Raises TargetUnresolved or TargetPrivate.

    One private address among them is enough to refuse them all. Waits as long as the system's resolver does.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise TargetUnresolved(f"The name {host!r} could not be resolved: {error}.") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not settings.WEBHOOKS_ALLOW_PRIVATE:
        _refuse_private(host, addresses)
    return addresses


def is_public(address: Address) -> bool:
    """Whether ``address`` and every IPv4 address hidden in it are on the public internet."""
    if isinstance(address, IPv6Address):
        hidden = _hidden(address)
        if hidden:
            return all(is_public(inner) for inner in hidden)
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _refuse_private(host: str, addresses: list[str]) -> None:
    for address in addresses:
        if not is_public(ip_address(address)):
            raise TargetPrivate(
                f"The name {host!r} resolves to {address}, which is not on the public internet. Webhooks are "
                "sent to public addresses only, unless WEBHOOKS_ALLOW_PRIVATE is set."
            )


def _hidden(address: IPv6Address) -> list[IPv4Address]:
    """The IPv4 addresses that a mapped, 6to4, Teredo or NAT64 address leads to."""
    hidden = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in NAT64:
        hidden.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [inner for inner in hidden if inner]
