"""Dictionary of names (words or tags) and their ids, in both directions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType


class LabelDictionary(dict[str, int]):
    """A dict from names to consecutive ids 0, 1, 2, ..., which also maps ids back to names.

    Add names with `add` only: `get_label_name` does not find an item that is set directly.

    Parameters
    ----------
    labels : iterable of str, optional
        Names to add. The first gets id 0; a repeated name keeps its id.

    Examples
    --------
    >>> tags = LabelDictionary(["noun", "verb"])
    >>> tags.add("adj"), tags["verb"], tags.get_label_name(0)
    (2, 1, 'noun')
    """

    def __init__(self, labels: Iterable[str] = ()) -> None:
        super().__init__()
        self._names: dict[int, str] = {}
        for name in labels:
            self.add(name)

    def add(self, name: str) -> int:
        """Return the id of `name`; a new name gets the next free id."""
        label_id = self.setdefault(name, len(self))
        self._names[label_id] = name
        return label_id

    def get_label_name(self, label_id: int) -> str:
        """Return the name with this id; IndexError if there is none. Negative ids do not count from the end."""
        try:
            return self._names[label_id]
        except KeyError:
            raise IndexError(f"no label has id {label_id}: ids go from 0 to {len(self) - 1}") from None

    def get_label_id(self, name: str) -> int:
        """Return the id of `name`; KeyError if the dictionary does not have it."""
        try:
            return self[name]
        except KeyError:
            raise KeyError(f"{name!r} is not among the {len(self)} labels of this dictionary") from None

    @property
    def names(self) -> list[str]:
        """All names, in the order of their ids."""
        return list(self._names.values())

    @property
    def id_to_name(self) -> Mapping[int, str]:
        """The inverse mapping, id to name: a read-only view that follows later changes."""
        return MappingProxyType(self._names)
