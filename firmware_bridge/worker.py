"""One thread for calls that block, one after the other, which never holds up the end of its process.

`ThreadPoolExecutor` waits for its threads when the interpreter ends; a library call that hangs (a daemon that
does not answer) would keep the process alive for ever. This thread is a daemon: it is left behind.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


class Worker:
    """A queue of calls and the thread that makes them. The thread begins with the first call."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def run(self, call: Callable[[], T]) -> T:
        """Make a call in the thread, return what it returns; whoever stops waiting leaves it to its end."""
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            try:
                found = call()
            except Exception as error:
                self._tell(loop, outcome, lambda error=error: outcome.set_exception(error))  # type: ignore[misc]  # a default binds it now
            else:
                self._tell(loop, outcome, lambda: outcome.set_result(found))

        self._begin()
        self._calls.put(work)
        return await outcome

    def post(self, call: Callable[[], None]) -> None:
        """Make a call after those that wait; nobody waits for it, so it must not raise."""
        self._begin()
        self._calls.put(call)

    def close(self, last: Callable[[], None], *, within_s: float = 0.0) -> None:
        """Make a last call after those that wait, and end the thread; waits for that no longer than told."""
        if self._thread is None:
            last()
            return
        self._calls.put(last)
        self._calls.put(None)
        self._thread.join(within_s)

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()

    @staticmethod
    def _tell(
        loop: asyncio.AbstractEventLoop, outcome: "asyncio.Future[T]", tell: Callable[[], None]
    ) -> None:
        def unless_nobody_waits() -> None:
            if not outcome.done():
                tell()

        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(unless_nobody_waits)
