"""A Mosquitto of our own, for the demo, tests and one-branch libraries: started, watched, stopped.

It is ready when both listeners accept TLS. When it dies unasked, it is started again with back-off.
It does not outlive us: `stop` ends it by its pid, and the kernel ends it (`setpriv --pdeathsig`) when
this process is killed, unless mosquitto has changed to another account than ours. A library with a
service manager runs mosquitto there, with the same files.
"""

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import ssl
from pathlib import Path

from broker_config.render import Ports, mosquitto_binary, ports, render
from wire.errors import ConfigError, LinkError

log = logging.getLogger("turnleaf.broker_config.supervise")

READY_S = 10.0
STOP_S = 5.0
BACK_OFF_CAP_S = 10.0
LASTING_S = 10.0


class Broker:
    """One supervised Mosquitto on a broker folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self.starts = 0
        """How often it was started, restarts after a death included."""

    @property
    def pid(self) -> int | None:
        """The pid of the running mosquitto."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    @property
    def ports(self) -> Ports:
        """The ports it listens on."""
        return ports(self._folder)

    @property
    def log_file(self) -> Path:
        """Where mosquitto's own words go."""
        return self._folder / "broker.log"

    async def start(self, *, watch: bool = True) -> None:
        """Start it and return when it accepts; raises ConfigError with its last words if it does not.

        With `watch` it is started again when it dies unasked.
        """
        if self.pid is not None:
            return
        await self._spawn()
        if watch and self._watch is None:
            self._watch = asyncio.create_task(self._keep(), name="broker")

    async def stop(self) -> None:
        """End it: SIGTERM, and SIGKILL after five seconds."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
            self._watch = None
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
            process.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def restart(self) -> None:
        """Stop and start on the same ports."""
        watched = self._watch is not None
        await self.stop()
        await self.start(watch=watched)

    async def kill(self) -> None:
        """SIGKILL, as a power cut would; when watched it comes back by itself, else `start` it."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def reload(self) -> None:
        """Let the running broker read acl and CRL anew (SIGHUP)."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGHUP)

    async def _spawn(self) -> None:
        conf = render(self._folder)
        command = [mosquitto_binary(), "-c", str(conf)]
        setpriv = shutil.which("setpriv")
        if setpriv is not None:
            command = [setpriv, "--pdeathsig", "TERM", *command]
        with self.log_file.open("ab") as words:
            self._process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, stdout=words, stderr=words, start_new_session=True
            )
        self.starts += 1
        (self._folder / "broker.pid").write_text(f"{self._process.pid}\n")
        try:
            await self._ready(self._process)
        except BaseException:
            await self.kill()
            raise

    async def _ready(self, process: asyncio.subprocess.Process) -> None:
        listen = self.ports
        try:
            async with asyncio.timeout(READY_S):
                for port in (listen.stations, listen.operators):
                    while process.returncode is None and not await accepts(self._folder, listen.bind, port):
                        await asyncio.sleep(0.02)
        except TimeoutError:
            pass
        else:
            if process.returncode is None:
                return
        raise ConfigError(
            f"mosquitto does not accept on {listen.bind}:{listen.stations} and :{listen.operators}",
            why=f"Its last words: {self._last_words()}",
            do=f"Read {self.log_file}; another program may hold the port.",
        )

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        deaths = 0
        while True:
            process, began = self._process, loop.time()
            if process is None:
                return
            await process.wait()
            deaths = 1 if loop.time() - began > LASTING_S else deaths + 1
            log.error("mosquitto ended by itself (%s); starting it again", process.returncode)
            await asyncio.sleep(min(BACK_OFF_CAP_S, 0.1 * 2 ** min(deaths, 10)))
            try:
                await self._spawn()
            except (ConfigError, LinkError) as error:
                log.error("%s", error)

    def _last_words(self) -> str:
        try:
            lines = self.log_file.read_text(errors="replace").strip().splitlines()
        except OSError:
            return "none"
        return " | ".join(lines[-3:]) or "none"


async def accepts(folder: Path, host: str, port: int) -> bool:
    """Say whether a TLS server with a certificate of this folder's CA accepts there."""
    context = ssl.create_default_context(cafile=str(folder / "ca" / "ca.pem"))
    context.check_hostname = False
    if host in ("0.0.0.0", ""):
        host = "127.0.0.1"
    elif host == "::":
        host = "::1"
    try:
        async with asyncio.timeout(2):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError, ssl.SSLError):
        await writer.wait_closed()
    return True
