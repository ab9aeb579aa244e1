"""The ``killcord`` command. What it can do is in ``_commands``, which needs the extra ``cli`` (typer and rich)."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line, or says what is missing."""
    try:
        from ._commands import app
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        sys.exit(f"killcord's commands need {error.name}, which is not installed: pip install 'killcord[cli]'")
    app(prog_name="killcord")
