"""The journal: a file in which every event of a guard stands as one line of JSON, and how to read it again.

:class:`Journal` writes, on a thread of its own that no guard waits for; :func:`read` reads, also while it is written, also
what a killed process left. The fields of every line are in ``docs/journal.md``.
"""

from __future__ import annotations

import json
import os
import weakref
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from ._killcord import JournalWriter
from .errors import ConfigError
from .model import Json

LINE_MAX = 1 << 20
"""No line of a journal is nearly as long; what is, is no journal."""
COMMON = frozenset({"v", "n", "guard", "epoch", "seq", "boot_ns", "mono_ns", "wall", "kind"})
EXIT_S = 0.5
"""How long the interpreter's end may be held up for the last lines."""

_open: weakref.WeakValueDictionary[tuple[int, str], JournalWriter] = weakref.WeakValueDictionary()


class Journal:
    """A journal to be given to one or several guards of this process.

    The file is created with mode 0600 and is continued if it is there. Beyond ``max_bytes`` it is put aside as
    ``<path>.1`` and so on; ``keep`` of these are kept. At most ``queue`` events wait for the writer; what does not fit, or
    cannot be written, is counted in :attr:`lost` and told in the file. A guard never waits for any of it.

    Raises ``ConfigError`` when a value is out of range, when others can get at the file, or when another journal writes to
    it, and ``StartFailed`` when the operating system does not let us.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     journal = Journal(f"{folder}/guard.journal")
    ...     journal.flush()
    ...     [entry.kind for entry in read(journal.path) if isinstance(entry, JournalLine)]
    True
    ['opened']
    """

    __slots__ = ("__weakref__", "_path", "_writer")

    def __init__(
        self, path: str | os.PathLike[str], *, max_bytes: int = 64 << 20, keep: int = 8, queue: int = 8192
    ) -> None:
        for field, value in (("max_bytes", max_bytes), ("keep", keep), ("queue", queue)):
            if not 0 <= value < 1 << 62:
                raise _refused(field, value)
        self._path = Path(path)
        self._writer = JournalWriter(self._path, max_bytes, keep, queue)
        _open[os.getpid(), os.path.realpath(self._path)] = self._writer

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._path

    @property
    def written(self) -> int:
        """How many events are in the file, whole."""
        return self._writer.status()[0]

    @property
    def lost(self) -> int:
        """How many events are not and will never be."""
        return self._writer.status()[1]

    @property
    def error(self) -> str | None:
        """What the system said last, while the file cannot be written."""
        return self._writer.status()[2]

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Waits until everything told before is in the file or counted as lost. False when that takes longer."""
        return self._writer.flush(timeout_s)

    def __repr__(self) -> str:
        return f"<Journal {str(self._path)!r} written {self.written} lost {self.lost}>"


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One line, whole."""

    number: int
    """From 1 at every ``opened``, without holes."""
    kind: str
    """What happened; a kind that is not documented yet is no error."""
    venue: str | None
    """None for the journal's own records."""
    account: str | None
    epoch: int | None
    seq: int | None
    """The number of the event; None where no guard told it."""
    boot_ns: int
    mono_ns: int
    wall: datetime
    """In UTC, to the microsecond; the line itself has nanoseconds."""
    fields: Mapping[str, Json]
    """What belongs to the kind."""
    text: str
    """The line as it stands in the file."""


@dataclass(frozen=True, slots=True)
class TornLine:
    """A stretch of a file that is not a line of a journal: what a killed process had begun to write, or damage."""

    path: Path
    offset: int
    """Where it begins, in bytes."""
    length: int


@dataclass(frozen=True, slots=True)
class Uncovered:
    """An interval in which one guard did not claim protection, between two in which it did."""

    venue: str
    account: str
    begin: datetime
    end: datetime | None
    """None while it has no end in the journal."""
    seconds: float
    """On the guard's clock; on the wall clock where the machine was started anew in between. Up to the last line of the
    journal while it has no end."""
    why: str


def read(path: str | os.PathLike[str]) -> Iterator[JournalLine | TornLine]:
    """Every line, from the oldest file put aside to the newest. What is not a line is told as :class:`TornLine`.

    Raises ``OSError`` when the file cannot be read. A journal that is being written can be read; its last line may then
    be told as torn.
    """
    newest = Path(path)
    numbers = (each.name.removeprefix(f"{newest.name}.") for each in newest.parent.glob(f"{newest.name}.*"))
    older = sorted((int(number) for number in numbers if number.isascii() and number.isdigit()), reverse=True)
    for file in [*(newest.with_name(f"{newest.name}.{number}") for number in older), newest]:
        yield from _lines(file)


def uncovered(lines: Iterable[JournalLine | TornLine]) -> list[Uncovered]:
    """Every interval between two claims of the same guard, and the one after the last, in the order they began.

    Taken from the changes of phase. A process that ended without a word ended its claims with its last line.
    """
    tracks: dict[tuple[str, str], _Track] = {}
    found: list[Uncovered] = []
    boot, last = "", None
    for line in lines:
        if isinstance(line, TornLine):
            continue
        last = line
        boot = str(line.fields.get("boot_id", boot))
        if line.kind == "opened":
            for track in tracks.values():
                track.withdraw("the process ended without a word")
        if line.venue is None or line.account is None or line.seq is None:
            continue
        track = tracks.setdefault((line.venue, line.account), _Track(line.venue, line.account))
        if line.kind == "phase_changed":
            found += track.change(line, boot)
        track.latest = (line, boot)
    for track in tracks.values():
        if track.since is not None and last is not None:
            found.append(track.interval(last, boot, ended=False))
    return sorted(found, key=lambda interval: interval.begin)


class _Track:
    """What is known of one guard while its lines are read."""

    def __init__(self, venue: str, account: str) -> None:
        self.venue, self.account = venue, account
        self.claims = False
        self.since: tuple[JournalLine, str] | None = None
        self.why = ""
        self.latest: tuple[JournalLine, str] | None = None

    def change(self, line: JournalLine, boot: str) -> list[Uncovered]:
        claims = line.fields.get("claim") is True
        # The files before may have been removed: then this line is the first that tells of a claim.
        self.claims = self.claims or line.fields.get("before") in ("armed", "suspect")
        closed = []
        if claims and self.since is not None:
            closed.append(self.interval(line, boot, ended=True))
            self.since = None
        elif self.claims and not claims and self.since is None:
            self.since, self.why = (line, boot), str(line.fields.get("why", ""))
        self.claims = claims
        return closed

    def withdraw(self, why: str) -> None:
        if self.claims and self.since is None:
            self.since, self.why = self.latest, why
        self.claims = False

    def interval(self, line: JournalLine, boot: str, *, ended: bool) -> Uncovered:
        assert self.since is not None, "asked only of a track that has an interval open"
        first, first_boot = self.since
        by_wall = (line.wall - first.wall).total_seconds()
        seconds = (line.boot_ns - first.boot_ns) / 1e9 if boot == first_boot else by_wall
        end = line.wall if ended else None
        return Uncovered(self.venue, self.account, first.wall, end, max(seconds, 0.0), self.why)


def _lines(file: Path) -> Iterator[JournalLine | TornLine]:
    offset = 0
    with file.open("rb") as stream:
        while raw := stream.readline(LINE_MAX):
            line = _parsed(raw)
            yield TornLine(file, offset, len(raw)) if line is None else line
            offset += len(raw)


def _parsed(raw: bytes) -> JournalLine | None:
    if not raw.endswith(b"\n"):
        return None
    try:
        text = raw.decode().rstrip("\n")
        value = json.loads(text)
        guard = value["guard"] or {}
        return JournalLine(
            number=_whole(value["n"]),
            kind=str(value["kind"]),
            venue=_name(guard.get("venue")),
            account=_name(guard.get("account")),
            epoch=None if value["epoch"] is None else _whole(value["epoch"]),
            seq=None if value["seq"] is None else _whole(value["seq"]),
            boot_ns=_whole(value["boot_ns"]),
            mono_ns=_whole(value["mono_ns"]),
            wall=_instant(value["wall"]),
            fields=MappingProxyType({name: field for name, field in value.items() if name not in COMMON}),
            text=text,
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _whole(value: object) -> int:
    if not isinstance(value, int) or not 0 <= value < 1 << 64:
        raise TypeError(value)
    return value


def _name(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError(value)
    return value


def _instant(value: str) -> datetime:
    instant = datetime.fromisoformat(value)
    if instant.tzinfo is None:
        raise ValueError(value)
    return instant


def _refused(field: str, value: int) -> ConfigError:
    rule = "must not be negative or beyond reason"
    return ConfigError(f"{field} = {value} is not possible: {rule}", field=field, value=str(value), rule=rule)


def writer_of(journal: Journal | str | os.PathLike[str] | None) -> JournalWriter | None:
    """For a guard. The same path twice in one process is the same journal, for as long as anybody uses it."""
    if journal is None:
        return None
    if isinstance(journal, Journal):
        return journal._writer
    return _open.get((os.getpid(), os.path.realpath(journal))) or Journal(journal)._writer


def flush_all() -> None:
    """For the interpreter's end, after the guards were let go."""
    left = [writer for (pid, _), writer in _open.items() if pid == os.getpid()]
    for writer in left:
        writer.flush(EXIT_S / len(left))
