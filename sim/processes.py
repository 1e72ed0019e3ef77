"""The daemons of a simulated library as real processes: started, watched for their ready line, killed.

A daemon belongs to a process group of its own, writes its log to a file, and is ended by its pid. When
this process is killed, the kernel ends them too (setpriv --pdeathsig).
"""

import asyncio
import os
import shutil
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

from sim.sockets import gone, place_of
from wire.errors import ConfigError, DeviceError

READY_S = 20.0
STOP_S = 6.0


class Daemon:
    """One `turnleaf … run --config FILE`, or another module of ours run as a program."""

    def __init__(
        self,
        name: str,
        command: tuple[str, ...],
        log: Path,
        env: dict[str, str] | None = None,
        module: str = "turnleaf",
    ) -> None:
        self.name = name
        self._command = (module, *command)
        self._log = log
        self._env = env or {}
        self._process: asyncio.subprocess.Process | None = None
        self._drain: asyncio.Task[None] | None = None
        self._notify: socket.socket | None = None
        self._place = self._wanted = Path()
        self.ready_line = ""
        self.starts = 0

    @property
    def pid(self) -> int:
        """The process id, 0 when it does not run."""
        return self._process.pid if self._process is not None and self._process.returncode is None else 0

    @property
    def code(self) -> int | None:
        """The exit code of its last life; None while it runs."""
        return None if self._process is None else self._process.returncode

    async def start(self, *, wait: bool = True) -> None:
        """Start it; with `wait` return when it says "ready". Raises ConfigError with its last words."""
        command = [sys.executable, "-m", *self._command]
        setpriv = shutil.which("setpriv")
        if setpriv is not None:
            command = [setpriv, "--pdeathsig", "TERM", *command]
        ready = asyncio.Event()
        notify = self._listen(ready)
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                env=os.environ | self._env | {"NOTIFY_SOCKET": notify},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self.starts += 1
        self._drain = asyncio.create_task(self._read(self._process, ready), name=f"{self.name} output")
        if wait:
            await self._await_ready(ready)

    def _listen(self, ready: asyncio.Event) -> str:
        """Listen for the daemon's word to its service manager (sd_notify); return the socket's address."""
        self._unlisten()
        self._wanted = self._log.with_suffix(".notify")
        path = self._place = place_of(self._wanted)
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        listener.bind(str(path))

        def take() -> None:
            if b"READY=1" in listener.recv(256):
                ready.set()

        asyncio.get_running_loop().add_reader(listener, take)
        self._notify = listener
        return str(path)

    def _unlisten(self) -> None:
        if self._notify is not None:
            asyncio.get_running_loop().remove_reader(self._notify)
            self._notify.close()
            self._notify = None
            gone(self._place, self._wanted)

    async def _await_ready(self, ready: asyncio.Event) -> None:
        assert self._process is not None
        ended = asyncio.create_task(self._process.wait())
        said = asyncio.create_task(ready.wait())
        try:
            await asyncio.wait({ended, said}, timeout=READY_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
            said.cancel()
        if not ready.is_set():
            raise ConfigError(f"{self.name} did not get ready: {self.last_words()}", do=f"Read {self._log}.")

    async def _read(self, process: asyncio.subprocess.Process, ready: asyncio.Event) -> None:
        assert process.stdout is not None
        async for raw in process.stdout:
            line = raw.decode(errors="replace").strip()
            if line.startswith("ready"):
                self.ready_line = line
                ready.set()

    def last_words(self) -> str:
        """Return the last lines of its log."""
        try:
            text = self._log.read_text(errors="replace")
        except OSError:
            return "(no log)"
        return " | ".join(text.strip().splitlines()[-6:])

    def pause(self, paused: bool) -> None:
        """SIGSTOP, or SIGCONT: it stands still and knows nothing of it."""
        if self.pid:
            os.kill(self.pid, signal.SIGSTOP if paused else signal.SIGCONT)

    async def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        if self.pid:
            assert self._process is not None
            self._process.send_signal(signal.SIGKILL)
        await self._reap()

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL when it does not end."""
        if self._process is not None and self.pid:
            with suppress(ProcessLookupError):
                self._process.terminate()
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_S):
                    await self._process.wait()
        await self.kill()

    async def _reap(self) -> None:
        self._unlisten()
        if self._process is not None:
            await self._process.wait()
        if self._drain is not None:
            self._drain.cancel()
            with suppress(asyncio.CancelledError):
                await self._drain
            self._drain = None

    def address(self) -> str:
        """Return the address in its ready line; raises DeviceError when it told none."""
        for word in self.ready_line.split():
            if word.startswith("http://"):
                return word
        raise DeviceError(f"{self.name} told no address: {self.ready_line!r}")
