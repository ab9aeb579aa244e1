"""Ends that nobody wrote: out of memory, and a crash in somebody else's extension."""

from __future__ import annotations

import base64
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from exits.conftest import Measured
from exits.row import Outcome, Row, Scene, spellings

MEMORY = Path("/sys/fs/cgroup/memory")
LIMIT = 48 << 20
"""Above what a process needs that only touches what it has not touched before it was put in."""


def no_memory_group() -> str:
    """Why no memory group can be made here; empty when it can."""
    if os.geteuid() != 0:
        return "needs root"
    if not (MEMORY / "memory.limit_in_bytes").exists():
        return "needs the memory controller of cgroup version 1"
    return ""


def no_core() -> str:
    """Why no core file comes of a crash here; empty when it does."""
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if pattern.startswith(("|", "/")) or not pattern:
        return f"cores go elsewhere: {pattern!r}"
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        return "cores are forbidden"
    return ""


def out_of_memory(scene: Scene) -> int:
    """Puts the program into a group with little memory, and lets it use more."""
    group = MEMORY / f"killcord-{scene.process.pid}"
    group.mkdir()
    try:
        (group / "memory.limit_in_bytes").write_text(str(LIMIT))
        (group / "cgroup.procs").write_text(str(scene.process.pid))
        scene.tell("eat")
        scene.process.wait(30)
        killed = (group / "memory.oom_control").read_text()
        assert "oom_kill 1" in killed, killed
    finally:
        scene.process.kill()
        scene.process.wait()
        group.rmdir()
    # The last megabyte that it still got: at most 20 ms before the kernel killed it.
    at_ns = scene.lines[-1]["at_ns"]
    assert isinstance(at_ns, int)
    return at_ns


EATS = """
made = armed()
say("ready")
assert sys.stdin.readline() == "eat\\n"
hoard = []
while True:
    hoard.append(bytearray(os.urandom(1 << 20)))
    say("ate")
"""
CRASH = """
import ctypes, resource
resource.setrlimit(resource.RLIMIT_CORE, ({size}, {size}))
made = armed()
leaving()
ctypes.string_at(0)
"""


def core_without_secrets(outcome: Outcome) -> None:
    """A core was written, it holds what was in memory (the accounts' keys), and none of the secrets."""
    (core,) = outcome.directory.glob("core*")
    memory = core.read_bytes()
    core.unlink()
    for account in outcome.accounts.values():
        assert account.key.encode() in memory, "the core does not hold what it should"
        assert not [each for each in spellings([account.secret]) if each in memory], f"{account.name}: in the core"


FROM_FILE = """
import ctypes, resource, sys
from killcord import Credentials
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
kept = Credentials.from_file(sys.argv[1])
# What any program does next: it copies something else, and the registers that copied the secret hold that. Their content
# is in a core too.
print([bytes(bytearray(b"." * size)) for size in (16, 32, 64, 128, 256, 4096)])
ctypes.string_at(0)
"""


@pytest.mark.skipif(bool(no_core()), reason=f"X13: {no_core()}")
@pytest.mark.parametrize("form", ["KEY={}\nSECRET={}\n", '{{"key": "{}", "secret": "{}"}}'], ids=["lines", "json"])
def test_of_a_key_file_the_key_is_in_a_core_and_the_secret_is_not(form: str, tmp_path: Path) -> None:
    key, secret = f"COREKEY{os.urandom(6).hex()}", base64.b64encode(os.urandom(48)).decode()
    file = tmp_path / "key"
    file.touch(mode=0o600)
    file.write_text(form.format(key, secret))
    ended = subprocess.run([sys.executable, "-c", FROM_FILE, str(file)], cwd=tmp_path, capture_output=True, check=False)
    assert ended.returncode == -signal.SIGSEGV
    (core,) = tmp_path.glob("core*")
    memory = core.read_bytes()
    core.unlink()
    assert key.encode() in memory, "the core does not hold what it should"
    assert not [each for each in spellings([secret]) if each in memory]


OOM = Row("X11", "killed for memory by its control group", EATS, out_of_memory, -signal.SIGKILL, target_ms=50)
SEGFAULT = [
    Row("X13a", "segfault in another extension, no core", CRASH.format(size=0), code=-signal.SIGSEGV, target_ms=50),
    # The kernel ends the links after it has written the core; the engine's thread is stopped before.
    Row(
        "X13b",
        "the same, core written first",
        CRASH.format(size="resource.getrlimit(resource.RLIMIT_CORE)[1]"),
        code=-signal.SIGSEGV,
        target_ms=2000,
        over_s=5,
        check=core_without_secrets,
    ),
]


@pytest.mark.parametrize("row", [OOM], ids=lambda row: row.id)
@pytest.mark.skipif(bool(no_memory_group()), reason=f"X11: {no_memory_group()}")
def test_running_out_of_memory_lets_go(row: Row, measured: Measured) -> None:
    assert measured(row).is_in_time(), measured(row)


@pytest.mark.parametrize("row", SEGFAULT, ids=lambda row: row.id)
@pytest.mark.skipif(bool(no_core()), reason=f"X13: {no_core()}")
def test_a_crash_lets_go(row: Row, measured: Measured) -> None:
    assert measured(row).is_in_time(), measured(row)
