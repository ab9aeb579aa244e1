"""The parent's side of the process whose link is cut: start it, tell it, hear it, stop it, and be rid of it."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

from .._access import Access
from .._desk import Node, now_ns
from ..model import Json
from .plan import Cut

_MODULE = "killcord.drill.holder"


class HolderError(Exception):
    """The process did not do what it was started for."""


class Holder:
    """A process that holds one guard."""

    def __init__(self, access: Access) -> None:
        self.heard: list[Node] = []
        """Everything it said, in order."""
        self._lines: queue.Queue[Node | None] = queue.Queue()
        self._process = subprocess.Popen([sys.executable, "-m", _MODULE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        threading.Thread(target=self._read, daemon=True).start()
        self._write({"access": access.words()})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def wait(self, kind: str, timeout_s: float) -> Node:
        """The next thing of this kind it says. Raises ``HolderError`` when it fails, ends, or takes longer."""
        deadline_ns = now_ns() + int(timeout_s * 1e9)
        while (left_s := (deadline_ns - now_ns()) / 1e9) > 0:
            try:
                line = self._lines.get(timeout=left_s)
            except queue.Empty:
                break
            if line is None:
                raise HolderError(f"the process that holds the guard ended with status {self._process.wait()}")
            self.heard.append(line)
            if line.at("kind").text == "failed":
                raise HolderError(line.at("why").text)
            if line.at("kind").text == kind:
                return line
        raise HolderError(f"the process that holds the guard said nothing of {kind!r} within {timeout_s:.0f} s")

    def order(self, method: str, params: Mapping[str, Json]) -> None:
        """Has it send an order; :meth:`wait` for ``order``."""
        self._write(["order", method, dict(params)])

    def farewell(self, timeout_s: float = 15.0) -> bool:
        """Has it disarm and end; True when the venue confirmed."""
        self._write(["farewell"])
        return self.wait("farewell", timeout_s).at("confirmed").value is True

    def cut(self, cut: Cut) -> int:
        """Cuts its link and returns when: just before, so that a measured time is never too short."""
        match cut:
            case Cut.FREEZE:
                at_ns = now_ns()
                os.kill(self._process.pid, signal.SIGSTOP)
                os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)
                return at_ns
            case Cut.KILL:
                at_ns = now_ns()
                self._process.kill()
                return at_ns
            case Cut.CLOSE | Cut.RST | Cut.FIN:
                self._write(["cut", cut.value])
                return int(self.wait("cut", 15.0).at("cut_ns").number or 0)

    def drain(self) -> None:
        """Takes in what it said meanwhile."""
        with suppress(queue.Empty):
            while (line := self._lines.get_nowait()) is not None:
                self.heard.append(line)

    def end(self) -> None:
        """Is rid of it, however it stands. A stopped process ends by SIGKILL too."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()

    def _write(self, line: Json) -> None:
        assert self._process.stdin is not None, "it was asked for"
        try:
            self._process.stdin.write(json.dumps(line).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise HolderError("the process that holds the guard is gone") from None

    def _read(self) -> None:
        assert self._process.stdout is not None, "it was asked for"
        with suppress(ValueError, OSError):
            for line in self._process.stdout:
                with suppress(ValueError):
                    self._lines.put(Node(json.loads(line)))
        self._lines.put(None)
