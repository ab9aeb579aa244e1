"""A copy of the tree in which the core may be broken, with a build of its own that only rebuilds what differs."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from proof.record import ROOT, git


TESTS_WITH_SIM = "#[cfg(test)]\nmod tests;\n"


@dataclass(frozen=True, slots=True)
class Scratch:
    """The copy and its build, below ``target``."""

    folder: Path
    floors: tuple[str, ...] = ()
    """Where some are named, the copy has no others, and the dialects no tests that need one: built in a second or two."""

    @property
    def tree(self) -> Path:
        """Where the copy is."""
        return self.folder / "tree"

    def refresh(self) -> None:
        """Makes the copy equal to the tree. Files that are equal keep their times, so that nothing is built anew for them."""
        wanted = set(git("ls-files", "--cached", "--others", "--exclude-standard").splitlines())
        wanted = {name for name in wanted if (ROOT / name).is_file()}
        for name in wanted:
            there, here = self.tree / name, self._trimmed(name, (ROOT / name).read_bytes())
            if not there.is_file() or there.read_bytes() != here:
                there.parent.mkdir(parents=True, exist_ok=True)
                there.write_bytes(here)
        for there in self.tree.rglob("*"):
            if there.is_file() and there.relative_to(self.tree).as_posix() not in wanted:
                there.unlink()

    def _trimmed(self, name: str, content: bytes) -> bytes:
        if not self.floors or not (name == "src/lib.rs" or name.startswith("src/venue/") and name.endswith("/mod.rs")):
            return content
        text = content.decode("utf-8").replace(TESTS_WITH_SIM, "")
        if name != "src/lib.rs":
            return text.encode("utf-8")
        return re.sub(r"(?m)^pub mod (\w+);$", lambda found: found[0] if found[1] in self.floors else "", text).encode("utf-8")

    def run(
        self, words: Sequence[str], within_s: float, more: Mapping[str, str] | None = None, nice: int = 19
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command in the copy, stepping back for what else is on the machine."""
        where = {"CARGO_TARGET_DIR": str(self.folder / "build"), "CARGO_PROFILE_DEV_DEBUG": "0", "GIT_CEILING_DIRECTORIES": str(self.folder)}
        return subprocess.run(
            ["nice", "-n", str(nice), *words],
            cwd=self.tree,
            env={**os.environ, **where, **(more or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=within_s,
        )
