"""What Roster stores about a person: the registry that the core and each capability join.

It serves the rights of access, portability and erasure (GDPR, articles 15, 20 and 17). The account itself is not in it:
the capability that owns accounts exports it, and deletes it last.
"""

from collections.abc import Callable
from typing import NamedTuple

from chalicelib.deadline import Deadline
from chalicelib.json.strict_json import Json, JsonObject
from chalicelib.records import Record, Records

AddressOf = Callable[[str], str]
"""Returns the address of a route, as the client can reach it."""
Export = Callable[[str, AddressOf], Json]
"""Returns what is stored about the person with this userid; ``None`` if there is nothing."""
Erase = Callable[[str, Deadline], bool]
"""Erases what is stored about the person with this userid. Returns whether all is erased, or ``False`` if the deadline
came first. It can be repeated, also after an interruption."""


class Holding(NamedTuple):
    """What one part of Roster stores about people. ``name`` is its member in an export."""

    name: str
    export: Export
    erase: Erase


class PersonalData:
    """The holdings of all parts, in the order in which they joined."""

    def __init__(self, *holdings: Holding) -> None:
        self._holdings = list(holdings)

    def join(self, name: str, export: Export, erase: Erase) -> None:
        """Add a holding. ``name`` must be new."""
        if any(holding.name == name for holding in self._holdings):
            raise ValueError(f"{name} has joined already")
        self._holdings.append(Holding(name, export, erase))

    def export(self, userid: str, address_of: AddressOf) -> JsonObject:
        """Return everything that is stored about a person, by the names of the holdings."""
        return {holding.name: holding.export(userid, address_of) for holding in self._holdings}

    def erase(self, userid: str, deadline: Deadline) -> bool:
        """Erase everything, from the holding that joined last to the first. Return whether nothing is left.

        A holding may refer to those that joined before it.
        """
        return all(not deadline.is_over and holding.erase(userid, deadline) for holding in reversed(self._holdings))


def of_records(name: str, records: Records, show: Callable[[Record], JsonObject]) -> Holding:
    """Return the holding of one record for each person, which an export has as ``show`` presents it."""

    def export(userid: str, _: AddressOf) -> Json:
        stored = records.get(userid)
        return None if stored is None else show(stored)

    def erase(userid: str, _: Deadline) -> bool:
        records.delete(userid)
        return True

    return Holding(name, export, erase)
