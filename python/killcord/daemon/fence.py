"""One process per account and host: a second one would take the venue's session from the first, or hold its switch off.

An account is fenced by listening on an abstract unix socket that is named for it. The kernel gives a name away once, to
whatever user, and takes it back when the process ends, however it ends; there is no file to be left behind or to be
removed by somebody. Its reach is the network namespace: containers with namespaces of their own are hosts of their own.
"""

from __future__ import annotations

import errno
import socket
from contextlib import suppress

from ..errors import KillcordError
from ..venues import Venue
from .place import Peer, peer_of


class AlreadyGuarded(KillcordError):
    """Another process of this host guards the account."""

    def __init__(self, message: str, *, account: str, owner: Peer | None) -> None:
        super().__init__(message)
        self.account = account
        self.owner = owner
        """Who it is; None when that could not be seen."""


class Fence:
    """Accounts that are this process's. A context manager; leaving it gives them back."""

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    def take(self, venue: Venue) -> None:
        """Makes the account this process's. Raises ``AlreadyGuarded``, and ``OSError`` when there is no descriptor."""
        name = f"\0killcord/{venue._spec().identity()}"
        holder = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            holder.bind(name)
            holder.listen(1)
        except OSError as error:
            holder.close()
            if error.errno != errno.EADDRINUSE:
                raise
            owner = _owner(name)
            who = "another process" if owner is None else f"process {owner.pid} of uid {owner.uid}"
            message = f"{venue.account}: {who} on this host already guards this account"
            raise AlreadyGuarded(message, account=venue.account, owner=owner) from None
        self._held.append(holder)

    def release(self) -> None:
        """Gives all accounts back."""
        while self._held:
            self._held.pop().close()

    def __enter__(self) -> Fence:
        return self

    def __exit__(self, *raised: object) -> None:
        self.release()


def _owner(name: str) -> Peer | None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as look:
        look.setblocking(False)
        with suppress(OSError):
            look.connect(name)
            return peer_of(look)
    return None
