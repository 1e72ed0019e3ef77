"""Acknowledgements in the order in which the messages came, whatever order their owner settles them in.

MQTT 5 §4.6 asks it of a client. So an unsettled message holds back the word on those after it; the broker
keeps them until then, and brings them again on the next connection.
"""

from collections import deque
from collections.abc import Callable


class _Owed:
    __slots__ = ("acks", "packet_id", "settled")

    def __init__(self, packet_id: int, acks: "Acks") -> None:
        self.packet_id = packet_id
        self.acks = acks
        self.settled = False

    def settle(self) -> None:
        self.settled = True
        self.acks.settled()


class Acks:
    """What one connection owes. `say` gets the packet ids that may be acknowledged now, in order."""

    def __init__(self, say: Callable[[list[int]], None]) -> None:
        self._say = say
        self._owed: deque[_Owed] = deque()

    def owe(self, packet_id: int) -> Callable[[], None]:
        """Note a message that came; returns what its owner calls when it is done with it."""
        owed = _Owed(packet_id, self)
        self._owed.append(owed)
        return owed.settle

    def settled(self) -> None:
        """Say what is settled, up to the first that is not."""
        owed = self._owed
        if not owed or not owed[0].settled:
            return
        ready = []
        while owed and owed[0].settled:
            ready.append(owed.popleft().packet_id)
        self._say(ready)

    def gone(self) -> None:
        """The connection ended: nothing is owed any more, and a late word does nothing."""
        self._owed.clear()
