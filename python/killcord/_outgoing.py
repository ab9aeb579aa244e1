"""What an application says, as the text that is sent."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from .errors import NotSendable
from .model import Json, Phase


def parameters(params: Mapping[str, Json] | str | None) -> str:
    """JSON text; text is taken as it is. Raises ``NotSendable`` for what JSON has no word for."""
    if isinstance(params, str):
        return params
    try:
        return json.dumps({} if params is None else params, separators=(",", ":"), allow_nan=False)
    except ValueError as error:
        raise NotSendable(f"the parameters are not JSON: {error}", why=str(error)) from None


def text(line: bytes | str) -> str:
    """The line as text. Raises ``NotSendable`` for bytes that are not UTF-8."""
    if isinstance(line, str):
        return line
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise NotSendable("the line is not UTF-8", why="not UTF-8") from None


def phases(phase: Phase | Collection[Phase]) -> frozenset[Phase]:
    """One phase, or several."""
    return frozenset((phase,) if isinstance(phase, Phase) else phase)
