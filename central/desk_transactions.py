"""The desk's transactions on the ledger: opened with all that entries see, written down, what came of them.

One may be opened in one thread and written down in another, one at a time. Numbers of item changes are used
up by a commit alone: what is rolled back never had one.
"""

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from central.authority import Authority
from central.desk_scene import Group
from central.ledger.ledger import Ledger
from central.ledger.rows import millis, moment
from central.results import Effect, ItemsChanged
from central.seal import Seal, new_key
from circulation.policy import Policy
from wire.clock import Clock
from wire.ids import item_hash
from wire.messages.asks import ItemChange

T = TypeVar("T")


class Done(NamedTuple, Generic[T]):
    """What a transaction came to that is not committed yet."""

    result: T
    group: Group


class Committed(NamedTuple, Generic[T]):
    """What a transaction came to, after its commit."""

    result: T
    effects: list[Effect]
    asked: bool = False
    """Something is left for the runner of an authority elsewhere."""


class Transactions:
    """Opens and ends them. `items_key` hashes items for the gates."""

    def __init__(
        self, ledger: Ledger, authority: Authority, policy: Policy, clock: Clock, items_key: bytes
    ) -> None:
        self._hot = ledger.hot
        self._authority = authority
        self._policy = policy
        self._clock = clock
        self._key = items_key
        self._last_n = ledger.hot.last_change()
        self._seal = Seal(ledger.hot.seal_key(new_key()))

    def whole(self, work: Callable[[Group], T]) -> Committed[T]:
        """Do some work in a transaction and commit it."""
        done = self.open(work)
        self.write_down()
        return self.committed(done)

    def open(self, work: Callable[[Group], T]) -> Done[T]:
        """Do some work in a transaction that is left open; whatever it raises rolls it back.

        Raises LeaseLost when another central works on the ledger, and the driver's error.
        """
        hot = self._hot
        now, begun = millis(self._clock.now()), hot.begin()
        try:
            group = Group(hot, self._authority, self._policy, now, self._last_n, self._seal, begun)
            result = work(group)
            if group.changes:
                hot.changes([(*change, group.now) for change in group.changes])
        except BaseException:
            hot.rollback()
            raise
        return Done(result, group)

    def write_down(self) -> None:
        """Commit what is open; this waits for the disk."""
        try:
            self._hot.commit()
        except BaseException:
            self._hot.rollback()
            raise

    def committed(self, done: Done[T]) -> Committed[T]:
        """Return what may be told now."""
        group = done.group
        effects = group.effects
        if group.changes:
            effects.insert(0, self._changed(group))
            self._last_n = group.last_n
        return Committed(done.result, effects, group.asked)

    def _changed(self, group: Group) -> ItemsChanged:
        changes = tuple(
            ItemChange(h=f"{item_hash(self._key, item):016x}", v=version, s=word)
            for _, item, version, word in group.changes
        )
        return ItemsChanged(group.changes[0][0], group.last_n, moment(group.now), changes)
