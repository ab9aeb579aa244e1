"""A machine that can go dark: a network namespace of its own, joined to this one by a virtual cable and a switch. What the
kernel there still holds when its program dies is delivered when the cable is plugged in again, as in life.

Needs root and ``ip``, ``unshare`` and ``nsenter``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from killcord import VenueName
from killcord.sim import Exchange

HERE, THERE = "10.213.77.1", "10.213.77.2"


def no_dark_network() -> str:
    """Why no such machine can be had here; empty when it can."""
    missing = [name for name in ("ip", "unshare", "nsenter") if shutil.which(name) is None]
    if missing:
        return f"needs {', '.join(missing)}"
    if os.geteuid() != 0:
        return "needs root"
    probe = subprocess.run(
        ["unshare", "-n", "ip", "link", "add", "kc0", "type", "veth", "peer", "name", "kc1"],
        capture_output=True,
        check=False,
    )
    return "" if probe.returncode == 0 else f"no virtual devices: {probe.stderr.decode().strip()}"


@dataclass(frozen=True, slots=True)
class Dark:
    """That machine, the cable to it, and four venues at this end of it."""

    keeper: subprocess.Popen[bytes]
    device: str
    bridge: str
    exchanges: dict[VenueName, Exchange]

    @property
    def command(self) -> list[str]:
        """Runs a program there."""
        return ["nsenter", "-t", str(self.keeper.pid), "-n"]

    def unplug(self) -> None:
        """Pulls the cable out of that machine: its kernel sees no carrier and keeps what it wants to send."""
        ip("link", "set", self.device, "down")

    def cut(self) -> None:
        """Cuts behind the first switch: nothing passes, and that machine sees nothing of it."""
        ip("link", "set", self.device, "nomaster")

    def heal(self) -> None:
        """Takes either back. What waits goes out."""
        ip("link", "set", self.device, "master", self.bridge, "up")


@contextmanager
def dark(factor: float) -> Iterator[Dark]:
    """Makes one and takes it away again."""
    with ExitStack() as stack:
        # Keeps the namespace, with the queues of its kernel, for as long as its input is open.
        keeper = stack.enter_context(
            subprocess.Popen(
                ["unshare", "-n", "sh", "-c", "echo; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        )
        stack.callback(keeper.kill)
        assert keeper.stdout is not None
        keeper.stdout.readline()
        device = f"kc{keeper.pid}"
        ip("link", "add", device, "type", "veth", "peer", "name", "kc0", "netns", str(keeper.pid))
        stack.callback(ip, "link", "delete", device)
        bridge = f"kcb{keeper.pid}"
        # An address of its own: what still comes over a device that was taken off the bridge is for somebody else.
        ip("link", "add", bridge, "address", "02:6b:63:00:00:01", "type", "bridge")
        stack.callback(ip, "link", "delete", bridge)
        ip("address", "add", f"{HERE}/30", "dev", bridge)
        ip("link", "set", bridge, "up")
        ip("link", "set", device, "master", bridge, "up")
        for words in (
            ("address", "add", f"{THERE}/30", "dev", "kc0"),
            ("link", "set", "kc0", "up"),
            ("link", "set", "lo", "up"),
        ):
            subprocess.run(["nsenter", "-t", str(keeper.pid), "-n", "ip", *words], check=True)
        exchanges = {
            venue: stack.enter_context(Exchange(venue, factor=factor, host=HERE, certificate_hosts=(HERE,)))
            for venue in VenueName
        }
        yield Dark(keeper, device, bridge, exchanges)


def ip(*words: str) -> None:
    """Raises when it cannot be done."""
    subprocess.run(["ip", *words], check=True)
