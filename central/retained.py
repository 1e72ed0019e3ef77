"""What central retains on the broker: a topic is said once for each change, and anew on each connection.

An emptied topic says nothing any more, so it is remembered by its name alone, and only while it may still be
needed: the broker may have been away when it was emptied. Alarms are emptied for ever, one topic each.
"""

from wire.link import Link, Outgoing
from wire.messages.base import Message

EMPTIED = 500
"""Topics emptied last that are emptied again on a new connection."""


class Retained:
    """Retained topics of ours, by what was said there last."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._said: dict[str, bytes] = {}
        self._emptied: dict[str, None] = {}

    def say(self, where: str, message: Message) -> bool:
        """Say it, unless it is what was said last; False when there is no connection."""
        payload = message.encode()
        if self._said.get(where) != payload:
            if not self._link.post(Outgoing(where, payload, retain=True)):
                return False
            self._said[where] = payload
            self._emptied.pop(where, None)
        return True

    def empty(self, where: str) -> None:
        """Empty a topic now, and on a new connection: there may be none just now."""
        self._link.post(Outgoing(where, b"", retain=True))
        self._said.pop(where, None)
        self._emptied[where] = self._emptied.pop(where, None)
        while len(self._emptied) > EMPTIED:
            del self._emptied[next(iter(self._emptied))]

    def again(self) -> None:
        """A new connection: the broker may have lost what it retained, so all is to be said anew."""
        self._said.clear()
        for where in list(self._emptied):
            self.empty(where)
