"""A place in a JSON document that may or may not be there. Venues leave fields out; nothing here raises for that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from ..model import Json


@dataclass(frozen=True, slots=True)
class Node:
    """What stands at a place; None when nothing does.

    >>> node = Node({"result": {"list": [{"price": "1.50"}]}})
    >>> node.at("result", "list").each()[0].at("price").number
    Decimal('1.50')
    >>> node.at("result", "nothing", "deeper").text
    ''
    """

    value: Json

    def at(self, *path: str) -> Node:
        """What stands at this path below."""
        value = self.value
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        return Node(value)

    @property
    def there(self) -> bool:
        """Whether anything stands here."""
        return self.value is not None

    @property
    def text(self) -> str:
        """As text; empty when there is none."""
        match self.value:
            case bool():
                return "true" if self.value else "false"
            case str():
                return self.value
            case int() | float():
                return str(self.value)
            case _:
                return ""

    @property
    def number(self) -> Decimal | None:
        """As a number, written as one or as text."""
        try:
            number = Decimal(self.text)
        except InvalidOperation:
            return None
        return number if number.is_finite() else None

    def each(self) -> list[Node]:
        """The elements of a list; none when it is no list."""
        if isinstance(self.value, str) or not isinstance(self.value, list | tuple):
            return []
        return [Node(element) for element in self.value]

    def fields(self) -> list[tuple[str, Node]]:
        """Names and values of an object; none when it is no object."""
        if not isinstance(self.value, Mapping):
            return []
        return [(name, Node(value)) for name, value in self.value.items()]
