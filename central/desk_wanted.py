"""Which rows a group of inputs will look at, so that they are fetched together."""

from typing import Any

from central.ledger.group_rows import Wanted
from central.results import DeskInput, FromStation
from wire.messages.stream import Entry, Envelope, Void


def wanted(inputs: list[DeskInput]) -> Wanted:
    """Return what a group will look at, as far as its messages name it."""
    found = Wanted()
    for given in inputs:
        if not isinstance(given, FromStation):
            continue
        message = given.message
        found.stations.add(given.station)
        found.streams.add(message.stream)
        if isinstance(message, Entry | Void | Envelope):
            found.facts.append(message.id)
        if isinstance(message, Entry):
            _named(message.body, found)
    return found


def _named(body: dict[str, Any], found: Wanted) -> None:
    """Note the ids in a body that nobody has decoded yet: whatever else stands there is found out then."""
    item, card, request, checkin = map(body.get, ("item", "card", "request", "checkin"))
    if isinstance(item, str):
        found.items.add(item)
        if request is not None or checkin is not None:
            found.reported.add(item)
    if isinstance(card, str):
        found.cards.add(card)
    if isinstance(request, str):
        found.requests.add(request)
    if isinstance(checkin, str):
        found.checkins.add(checkin)
