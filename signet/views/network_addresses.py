"""Whether an address that a connection or a proxy tells is one of those that were configured."""

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address

from signet.settings import IPNetwork


def is_within(address: str, networks: Sequence[IPNetwork]) -> bool:
    """Whether the address is in one of the networks; a socket in the file system is in none."""
    try:
        peer = ip_address(address)
    except ValueError:
        return False
    # A socket of both families says ``::ffff:192.0.2.1`` for 192.0.2.1.
    if isinstance(peer, IPv6Address) and peer.ipv4_mapped is not None:
        peer = peer.ipv4_mapped
    return any(peer in network for network in networks)
