"""Where the socket is, and that only its owner and root can reach it. The rights of folder and file decide who may call."""

from __future__ import annotations

import os
import socket
import stat
import struct
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError
from ..settings import Settings

PATH_BYTES_MAX = 107
"""What fits into the address of a unix socket."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end, as the kernel knows it."""

    pid: int
    uid: int


def socket_path(settings: Settings | None, given: Path | None = None) -> Path:
    """The socket that was given, that of the file, or the usual one. Raises ``ConfigError`` when there is none."""
    path = given or (settings.socket if settings is not None else None) or usual_path()
    if len(os.fsencode(path)) > PATH_BYTES_MAX:
        raise refused(path, f"must have {PATH_BYTES_MAX} bytes at most")
    return path


def usual_path() -> Path:
    """Where ``killcord run`` answers when nobody says otherwise."""
    if os.geteuid() == 0:
        return Path("/run/killcord/killcord.sock")
    folder = os.environ.get("XDG_RUNTIME_DIR", "")
    if not os.path.isabs(folder):
        raise refused("nothing", "must be given: this user has no XDG_RUNTIME_DIR")
    return Path(folder, "killcord", "killcord.sock")


def own_folder(path: Path) -> None:
    """Makes the folder of the socket, or checks that nobody else can reach into it. Raises ``ConfigError``, ``OSError``."""
    folder = path.parent
    try:
        folder.mkdir(0o700)
    except FileExistsError:
        pass
    except FileNotFoundError:
        raise refused(path, f"the folder {folder.parent} must exist") from None
    about = folder.lstat()
    mode = stat.S_IMODE(about.st_mode)
    if not stat.S_ISDIR(about.st_mode):
        raise refused(path, f"{folder} must be a folder, and no link to one")
    if about.st_uid != os.geteuid():
        raise refused(path, f"{folder} must belong to the user running this; it belongs to uid {about.st_uid}")
    if mode & 0o077:
        raise refused(path, f"{folder} has mode {mode:04o}; group and others must have no access, as after chmod 700")


def peer_of(connection: socket.socket) -> Peer:
    """Who made the other end; for a listening socket's end, who listens."""
    size = struct.calcsize("3i")
    pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return Peer(pid, uid)


def is_welcome(peer: Peer) -> bool:
    """Root, and the user this process runs as."""
    return peer.uid in (0, os.geteuid())


def refused(path: Path | str, rule: str) -> ConfigError:
    """A refusal of the key ``socket``."""
    return ConfigError(f"socket = {path} is not possible: {rule}", field="socket", value=str(path), rule=rule)
