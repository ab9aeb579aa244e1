"""Network namespaces of this process's own, and point-to-point devices in them.

A namespace belongs to a thread: what a thread opens or starts while it is inside (sockets, threads, processes) stays there
for good. So a guard whose engine is started inside lives on that machine's network, and the test that drives it does not.
Nothing is left behind: a namespace ends with the last descriptor of it.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

NEWNET = 0x40000000
"""``CLONE_NEWNET``."""
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
OWN = "/proc/thread-self/ns/net"

_LIBC = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """One network, empty but for a loopback device that is up."""

    def __init__(self) -> None:
        self._failure: OSError | None = None
        self._descriptor = -1
        maker = threading.Thread(target=self._make)
        maker.start()
        maker.join()
        if self._failure is not None:
            raise self._failure
        self.ip("link", "set", "lo", "up")

    def close(self) -> None:
        """Lets it go; it ends with its last process and socket."""
        os.close(self._descriptor)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """This thread, and what it starts, is in this network."""
        home = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(self._descriptor)
            yield
        finally:
            _enter(home)
            os.close(home)

    def run(self, *words: str) -> str:
        """Runs a command there. Raises ``OSError`` with what it said when it fails."""
        with self.inside():
            done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(f"{' '.join(words)}: {done.stderr.strip() or done.returncode}")
        return done.stdout

    def ip(self, *words: str) -> None:
        """``ip`` with these words."""
        self.run("ip", *words)

    def tunnel(self, name: str) -> int:
        """A device whose packets are read and written through the descriptor that is returned."""
        with self.inside():
            descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
            except OSError:
                os.close(descriptor)
                raise
        return descriptor

    def _make(self) -> None:
        if _LIBC.unshare(NEWNET):
            self._failure = OSError(ctypes.get_errno(), f"unshare: {os.strerror(ctypes.get_errno())}")
            return
        self._descriptor = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)


def _enter(descriptor: int) -> None:
    if _LIBC.setns(descriptor, NEWNET):
        raise OSError(ctypes.get_errno(), f"setns: {os.strerror(ctypes.get_errno())}")
