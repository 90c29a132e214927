"""Names (words or tags) and their ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType


class LabelDictionary(dict[str, int]):
    """A dict from names to consecutive ids 0, 1, 2, ... that can also be read the other way.

    Grow it with `add` only: an item set by hand has no way back from its id.

    Parameters
    ----------
    labels : iterable of str, optional
        Names to add at once. The first gets id 0; one that comes again keeps its id.

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
        """Return the id of `name`, giving it the next free one if it is new."""
        label_id = self.setdefault(name, len(self))
        self._names[label_id] = name
        return label_id

    def get_label_name(self, label_id: int) -> str:
        """Return the name that has this id; IndexError if none has. Negative ids do not count from the end."""
        try:
            return self._names[label_id]
        except KeyError:
            raise IndexError(f"no label has id {label_id}: ids go from 0 to {len(self) - 1}") from None

    def get_label_id(self, name: str) -> int:
        """Return the id of `name`; KeyError if that is not in the dictionary."""
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
        """The dictionary read the other way, id to name: a live, read-only view."""
        return MappingProxyType(self._names)
