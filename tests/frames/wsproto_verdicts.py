"""Writes ``wsproto.txt``: frames as a venue might send them, and what wsproto, which shares no code with killcord's reader,
makes of each. ``src/driver/tests/frames.rs`` holds killcord's reader against it.

Run again only to change the cases: ``pip install wsproto==1.2.0 && python tests/frames/wsproto_verdicts.py``.

A line is the bytes in hexadecimal, a tab, what was delivered, a tab, and how it ended: ``open``, or the close code that
the reader answers with (1005: a close frame without one).

Left out, because the two differ and both may: lengths not written in the shortest form (wsproto refuses them, RFC 6455,
5.2; killcord reads them), and a breach inside a frame that never ends (wsproto need not wait for it).
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from wsproto.frame_protocol import CloseReason, FrameProtocol, Opcode, ParseFailed

CASES = 600
LETTERS = {Opcode.TEXT: "t", Opcode.BINARY: "b", Opcode.PING: "p", Opcode.PONG: "o"}
TEXTS = [b"", b"a", b"Hello", "ä€😀".encode()]
NO_TEXTS = [b"\xc3\x28", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"\xf0\x9f"]
CODES = [0, 999, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1015, 2999, 3000, 4001, 4999, 5000]


def frame(first: int, payload: bytes, mask: bool = False) -> bytes:
    """One frame, its length in the shortest form."""
    bit = 0x80 if mask else 0
    if len(payload) < 126:
        head = bytes([first, bit | len(payload)])
    elif len(payload) < 65536:
        head = bytes([first, bit | 126]) + len(payload).to_bytes(2, "big")
    else:
        head = bytes([first, bit | 127]) + len(payload).to_bytes(8, "big")
    return head + (bytes(4) if mask else b"") + payload


def some_frames(draw: random.Random) -> bytes:
    """A few messages, whole or in fragments, with control frames between them, and now and then a breach."""
    frames = []
    for _ in range(draw.randint(1, 4)):
        payload = draw.choice(TEXTS) + draw.choice(TEXTS)
        if draw.random() < 0.1:
            payload += draw.choice(NO_TEXTS)
        if draw.random() < 0.02:
            payload += b"x" * draw.choice([120, 126, 300])
        opcode = draw.choice([1, 1, 2])
        cuts = sorted(draw.randint(0, len(payload)) for _ in range(draw.randint(0, 3)))
        parts = [payload[a:b] for a, b in zip([0, *cuts], [*cuts, len(payload)], strict=True)]
        for at, part in enumerate(parts):
            last = at == len(parts) - 1
            frames.append(frame((0x80 if last else 0) | (opcode if at == 0 else 0), part))
            if draw.random() < 0.2:
                frames.append(frame(0x80 | draw.choice([9, 10]), bytes(draw.choice([0, 4, 4, 4, 125]))))
    if draw.random() < 0.25:
        frames.insert(draw.randint(0, len(frames)), breach(draw))
    if draw.random() < 0.4:
        number = draw.choice(CODES)
        # Never two breaches in one frame: which of them is named first is up to the reader.
        reason = draw.choice(TEXTS + TEXTS + NO_TEXTS if number in (1000, 3000, 4001) else TEXTS)
        code = number.to_bytes(2, "big")
        frames.append(frame(0x88, draw.choice([b"", code, code + reason, code + reason, b"\x03"])))
    return b"".join(frames)


def breach(draw: random.Random) -> bytes:
    """One frame that may not be."""
    return draw.choice(
        [
            frame(0x80 | draw.choice([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]), b""),
            frame(draw.choice([0xC1, 0xA1, 0x91, 0xF1]), b"a"),
            frame(0x81, b"a", mask=True),
            frame(draw.choice([8, 9, 10]), b""),
            frame(0x89, bytes(126)),
            frame(0x80, b"a"),
            frame(0x01, b"a") + frame(0x81, b"a"),
        ]
    )


def verdict(data: bytes) -> tuple[str, str]:
    """What wsproto delivers, and how it ends."""
    reader = FrameProtocol(client=True, extensions=[])
    reader.receive_bytes(data)
    said, partial = [], b""
    try:
        for each in reader.received_frames():
            if each.opcode is Opcode.CLOSE:
                return " ".join(said), str(int(each.payload[0]))
            payload = each.payload.encode() if isinstance(each.payload, str) else bytes(each.payload)
            if each.opcode in (Opcode.PING, Opcode.PONG):
                said.append(f"{LETTERS[each.opcode]}{payload.hex()}")
                continue
            partial += payload
            if each.message_finished:
                said.append(f"{LETTERS[each.opcode]}{partial.hex()}")
                partial = b""
    except ParseFailed as failed:
        return " ".join(said), str(int(CloseReason(failed.code)))
    return " ".join(said), "open"


def main() -> None:
    """Writes the file beside this one."""
    draw = random.Random(6455)
    lines = []
    for _ in range(CASES):
        data = some_frames(draw)
        said, end = verdict(data)
        lines.append(f"{data.hex()}\t{said}\t{end}\n")
    Path(__file__).with_name("wsproto.txt").write_text("".join(lines))
    ends = sorted({line.rsplit("\t", 1)[1].strip() for line in lines})
    sys.stdout.write(f"{len(lines)} cases; ends: {' '.join(ends)}\n")


if __name__ == "__main__":
    main()
