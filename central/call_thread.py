"""One thread that makes calls in turn and tells the loop of each.

What an executor does with three futures and two turns of the loop: it costs a third of that, and whoever is
told may give the thread its next call before doing anything else.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Came(Generic[T]):
    """What a call came to: `result` returns what it returned, or raises what it raised."""

    value: T | None = None
    error: BaseException | None = None

    def result(self) -> T:
        """Return what the call returned; raises what it raised."""
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # without an error it is what the call returned


class CallThread:
    """A thread for blocking calls, in turn. Used from one loop; the end of `with` waits for the last one."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._calls: SimpleQueue[tuple[Callable[[], Any], Callable[[Came[Any]], None]] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name=name)

    def call(self, work: Callable[[], T], tell: Callable[[Came[T]], None]) -> None:
        """Call `work` after what was given before; `tell` hears on the loop what it came to."""
        self._calls.put((work, tell))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._calls.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (given := self._calls.get()) is not None:
            work, tell = given
            came: Came[Any] = Came()
            try:
                came.value = work()
            except BaseException as error:  # whatever it is, whoever waits must hear of it
                came.error = error
            self._loop.call_soon_threadsafe(tell, came)
            del given, work, tell, came
