"""The link between two networks: a process that takes packets from one device and hands them to another, late, never, twice
or refused, each direction for itself. It stands for the router, the line and every firewall on the way.

It is a program of its own (two descriptors of devices, then orders as lines of JSON on standard input, each answered with
the time it took effect) so that nothing the tests do in Python makes a packet late. It imports nothing of the project.
"""

from __future__ import annotations

import heapq
import json
import os
import random
import select
import struct
import sys
import time
from dataclasses import dataclass, field

UP, DOWN = "up", "down"
"""From the guard to the venue, and back."""
BURST = 64
"""So many packets are taken from a device before the others are looked at."""
TCP, ICMP = 6, 1
SYN, RST, ACK = 0x02, 0x04, 0x10


@dataclass
class Way:
    """What happens to the packets of one direction. Times in seconds, the others as shares of one."""

    delay: float = 0.0
    jitter: float = 0.0
    """Up to so much more, drawn for each packet; order is kept."""
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    """So many packets overtake those before them."""
    cut: bool = False
    cut_opening: bool = False
    """Only what would open a connection is dropped."""
    longest: int = 0
    """Longer packets are dropped without a word; 0 is no limit."""
    refuse: str = ""
    """``reset`` answers with a reset, ``icmp`` with *prohibited*, ``unreachable`` with *no such host*."""
    forget_after: float = 0.0
    """A flow that was silent for so long is forgotten, as by a router that translates addresses; 0 is never."""
    rate: float = 0.0
    """Bytes per second; 0 is no limit. What does not fit waits in one queue."""
    queue: float = 2.0
    """How many seconds of packets that queue holds."""
    passed: int = 0
    dropped: int = 0
    free_at: float = 0.0
    last_due: float = 0.0
    flows: dict[bytes, float] = field(default_factory=dict)


class Wire:
    """Both directions, and what is on its way."""

    def __init__(self, near: int, far: int, seed: int) -> None:
        self.ways = {UP: Way(), DOWN: Way()}
        self.chance = random.Random(seed)
        self.ends = {UP: (near, far), DOWN: (far, near)}
        self.due: list[tuple[float, int, int, bytes]] = []
        self.count = 0

    def run(self) -> None:
        """Until standard input ends."""
        near, far = self.ends[UP]
        rest = b""
        while True:
            wait = max(0.0, self.due[0][0] - time.monotonic()) if self.due else 5.0
            readable, _, _ = select.select([near, far, 0], [], [], wait)
            if near in readable:
                self.take(UP)
            if far in readable:
                self.take(DOWN)
            self.hand_over()
            if 0 in readable:
                data = os.read(0, 65536)
                if not data:
                    return
                *orders, rest = (rest + data).split(b"\n")
                for order in orders:
                    self.obey(json.loads(order))

    def obey(self, order: dict[str, dict[str, object]]) -> None:
        """Sets what is named, leaves the rest, and answers with the time and the counts."""
        for word, settings in order.items():
            for name, value in settings.items():
                setattr(self.ways[word], name, value)
        counts = {word: [way.passed, way.dropped] for word, way in self.ways.items()}
        print(json.dumps({"at_ns": time.clock_gettime_ns(time.CLOCK_BOOTTIME), **counts}), flush=True)

    def take(self, word: str) -> None:
        """What one side sent."""
        source = self.ends[word][0]
        for _ in range(BURST):
            try:
                packet = os.read(source, 65536)
            except (BlockingIOError, OSError):
                return
            self.judge(word, packet)

    def judge(self, word: str, packet: bytes) -> None:
        """Whether and when a packet arrives."""
        way, now = self.ways[word], time.monotonic()
        if way.refuse:
            answer = refusal(packet, way.refuse)
            if answer:
                self.later(now, self.ends[word][0], answer)
            way.dropped += 1
            return
        if self.is_lost(way, packet, now) or self.is_forgotten(word, packet, now):
            way.dropped += 1
            return
        due = now + way.delay
        if way.rate:
            if way.free_at - now > way.queue:
                way.dropped += 1
                return
            way.free_at = max(now, way.free_at) + len(packet) / way.rate
            due += way.free_at - now
        if not (way.reorder and self.chance.random() < way.reorder):
            due = max(due + way.jitter * self.chance.random(), way.last_due)
            way.last_due = due
        for _ in range(2 if way.duplicate and self.chance.random() < way.duplicate else 1):
            self.later(due, self.ends[word][1], packet)
        way.passed += 1

    def is_lost(self, way: Way, packet: bytes, now: float) -> bool:
        """Cut, too long, unlucky, or about to open what must not be opened."""
        if way.cut or (way.longest and len(packet) > way.longest):
            return True
        if way.loss and self.chance.random() < way.loss:
            return True
        return way.cut_opening and flags_of(packet) & (SYN | ACK) == SYN

    def is_forgotten(self, word: str, packet: bytes, now: float) -> bool:
        """Whether a router would not know any more whose packet this is."""
        way = self.ways[UP]
        flow = flow_of(packet, word)
        if flow is None:
            return False
        if not way.forget_after:
            way.flows[flow] = now
            return False
        seen = way.flows.get(flow)
        if seen is not None and now - seen > way.forget_after:
            del way.flows[flow]
            seen = None
        if seen is None and flags_of(packet) & (SYN | ACK) != SYN:
            return True
        way.flows[flow] = now
        return False

    def later(self, due: float, to: int, packet: bytes) -> None:
        """Puts it on its way."""
        self.count += 1
        heapq.heappush(self.due, (due, self.count, to, packet))

    def hand_over(self) -> None:
        """Whatever has arrived by now. A device that is down takes nothing."""
        while self.due and self.due[0][0] <= time.monotonic():
            _, _, to, packet = heapq.heappop(self.due)
            try:
                os.write(to, packet)
            except OSError:
                pass


def header_length(packet: bytes) -> int:
    """Of IPv4; 0 for anything else."""
    return (packet[0] & 15) * 4 if packet and packet[0] >> 4 == 4 else 0


def flags_of(packet: bytes) -> int:
    """TCP's flags; 0 where there are none."""
    length = header_length(packet)
    if length and packet[9] == TCP:
        return packet[length + 13]
    if packet[0] >> 4 == 6 and packet[6] == TCP:
        return packet[53]
    return 0


def flow_of(packet: bytes, word: str) -> bytes | None:
    """Addresses and ports, the same for both directions."""
    length = header_length(packet)
    if not length or packet[9] != TCP:
        return None
    source, target = packet[12:16] + packet[length : length + 2], packet[16:20] + packet[length + 2 : length + 4]
    return source + target if word == UP else target + source


def refusal(packet: bytes, how: str) -> bytes | None:
    """What a firewall answers to an IPv4 packet."""
    length = header_length(packet)
    if not length:
        return None
    source, target = packet[12:16], packet[16:20]
    if how != "reset":
        code = 13 if how == "icmp" else 1
        body = struct.pack("!BBHI", 3, code, 0, 0) + packet[: length + 8]
        body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
        return ip_header(ICMP, target, source, len(body)) + body
    if packet[9] != TCP or flags_of(packet) & RST:
        return None
    sender, receiver, sequence, acknowledged = struct.unpack_from("!HHII", packet, length)
    if flags_of(packet) & ACK:
        numbers, flags = (acknowledged, 0), RST
    else:
        covered = len(packet) - length - (packet[length + 12] >> 4) * 4 + bool(flags_of(packet) & SYN)
        numbers, flags = (0, (sequence + covered) & 0xFFFFFFFF), RST | ACK
    segment = struct.pack("!HHIIBBHHH", receiver, sender, *numbers, 5 << 4, flags, 0, 0, 0)
    pseudo = target + source + struct.pack("!BBH", 0, TCP, len(segment))
    segment = segment[:16] + struct.pack("!H", checksum(pseudo + segment)) + segment[18:]
    return ip_header(TCP, target, source, len(segment)) + segment


def ip_header(protocol: int, source: bytes, target: bytes, length: int) -> bytes:
    """Twenty bytes."""
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + length, 0, 0, 64, protocol, 0, source, target)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:]


def checksum(data: bytes) -> int:
    """The internet's."""
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


if __name__ == "__main__":
    print("{}", flush=True)
    Wire(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])).run()
