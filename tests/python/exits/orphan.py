"""What a child runs that outlives its parent: it says that it is there and then does nothing, for a minute at most."""

from __future__ import annotations

import json
import os
import threading
import time


def live() -> None:
    """Until the test ends it."""
    line = json.dumps({"word": "child", "at_ns": time.clock_gettime_ns(time.CLOCK_BOOTTIME), "pid": os.getpid()})
    os.write(1, line.encode() + b"\n")
    threading.Event().wait(60)
    os._exit(0)
