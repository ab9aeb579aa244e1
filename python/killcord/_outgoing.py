"""What an application says, as the text that is sent."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from .errors import NotSendable
from .model import Json, Phase


def parameters(params: Mapping[str, Json] | str | None) -> str:
    """JSON text; text is taken as it is. Raises ``NotSendable`` for what JSON has no word for.

    What is sent reads back as what was given (a tuple as a list); nothing is rounded, renamed or left out on the way.
    """
    if isinstance(params, str):
        return params
    try:
        _require_text_keys(params)
        return json.dumps({} if params is None else params, separators=(",", ":"), allow_nan=False)
    except RecursionError:
        why = "nested too deep, or in itself"
    except (TypeError, ValueError) as error:
        why = str(error)
    raise NotSendable(f"the parameters are not JSON: {why}", why=why)


def _require_text_keys(value: object) -> None:
    """The library would write ``{1: …}`` as ``{"1": …}``, and ``{1: …, "1": …}`` with one key twice."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise TypeError(f"the key {key!r} is not text")
            if isinstance(inner, Mapping | list | tuple):
                _require_text_keys(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            if isinstance(inner, Mapping | list | tuple):
                _require_text_keys(inner)


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
