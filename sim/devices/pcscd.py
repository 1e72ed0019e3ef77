"""A PC/SC daemon of our own, on a socket of our own, with virtual readers: the real pcscd with vpcd.

It takes its socket by socket activation (LISTEN_FDS), clients find it by PCSCLITE_CSOCK_NAME; so it lives
beside a system's own daemon and is ended by pid. It needs root, or a writable /run/pcscd.
"""

import asyncio
import os
import pwd
import shutil
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

from sim.sockets import gone, place_of
from wire.errors import ConfigError

LAUNCH = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: ends with its starter, however that ends
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
os.dup2(int(sys.argv[2]), 3, inheritable=True)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Puts the listening socket where socket activation expects it, then becomes pcscd."""
RUN = Path("/run/pcscd")
"""Compiled into pcscd: its process id goes here, whatever socket it is given."""
LIBRARY = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")


def _user() -> str:
    """Return this user's name, or the number where it has none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def free_ports_below_ephemeral(count: int, start: int = 20000) -> int:
    """Return the first of `count` free neighbouring ports below 32768, where no client port can collide."""
    port = start + (os.getpid() * 8) % 10000
    while port < 32700:
        held = []
        try:
            for offset in range(count):
                sock = socket.socket()
                held.append(sock)
                sock.bind(("127.0.0.1", port + offset))
        except OSError:
            port += count
            continue
        else:
            return port
        finally:
            for sock in held:
                sock.close()
    raise ConfigError("no free ports below 32768", do="End other virtual readers.")


class Pcscd:
    """One daemon with virtual readers of given names, two slots each; cards connect to `port(slot, reader)`.

    A second reader has a copy of the library of its own, which keeps its state once per file.
    """

    def __init__(self, folder: Path, names: tuple[str, ...] = ("Patron Card",)) -> None:
        self._folder = folder
        self._names = names
        self._wanted = folder / "pcscd.comm"
        self.socket_path = place_of(self._wanted)
        self._listener: socket.socket | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._base = 0

    def port(self, slot: int, reader: int = 0) -> int:
        """Return vpcd's port of a slot of the reader with that place in `names`."""
        return self._base + 2 * reader + slot

    def _library(self, number: int) -> Path:
        if number == 0:
            return LIBRARY
        copy = self._folder.absolute() / f"libifdvpcd-{number}.so"
        if not copy.exists():
            shutil.copyfile(LIBRARY, copy)
        return copy

    @property
    def environment(self) -> dict[str, str]:
        """What a client's environment needs."""
        return {"PCSCLITE_CSOCK_NAME": str(self.socket_path)}

    @property
    def pid(self) -> int:
        """The daemon's process id, 0 when it does not run."""
        return self._process.pid if self._process is not None and self._process.returncode is None else 0

    async def start(self) -> None:
        """Start the daemon and wait until its readers listen; raises ConfigError."""
        daemon = shutil.which("pcscd", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if daemon is None or not LIBRARY.exists():
            raise ConfigError(
                "pcscd or its virtual reader is not installed", do="apt-get install pcscd vsmartcard-vpcd"
            )
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self._base:
            self._base = free_ports_below_ephemeral(2 * len(self._names))
        conf = self._folder / "reader.conf.d"
        conf.mkdir(exist_ok=True)
        for number, name in enumerate(self._names):
            (conf / f"vpcd-{number}").write_text(
                f'FRIENDLYNAME "{name}"\n'
                f"DEVICENAME /dev/null:0x{self.port(0, number):04X}\n"
                f"LIBPATH {self._library(number)}\n"
                f"CHANNELID 0x{self.port(0, number):04X}\n"
            )
        if self._listener is None:
            self.socket_path.unlink(missing_ok=True)
            self.socket_path.parent.mkdir(mode=0o700, exist_ok=True)
            self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._listener.bind(str(self.socket_path))
            self._listener.listen(16)
        await self._spawn(daemon, conf)
        await self._ready()

    async def _spawn(self, daemon: str, conf: Path) -> None:
        assert self._listener is not None
        passed = self._listener.fileno()
        with (self._folder / "pcscd.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                LAUNCH,
                str(os.getpid()),
                str(passed),
                daemon,
                "--foreground",
                "-c",
                str(conf.absolute()),
                pass_fds=(passed,),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def _ready(self) -> None:
        for number in range(len(self._names)):
            await self._listens(self.port(0, number))

    async def _listens(self, port: int) -> None:
        for _ in range(100):
            if not self.pid:
                raise self._why_it_ended()
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            return
        raise ConfigError("pcscd's virtual reader does not listen", do=f"See {self._folder / 'pcscd.log'}.")

    def _why_it_ended(self) -> ConfigError:
        """Return the daemon's own last words, and what mends the one cause that is common."""
        log = self._folder / "pcscd.log"
        words = (log.read_text(errors="replace").splitlines() or ["no word"])[-1].strip()
        if not os.access(RUN, os.W_OK):
            return ConfigError(
                f"the card daemon (pcscd) cannot start as this user: {words}",
                why=f"pcscd writes its process id into {RUN}, and only root may there.",
                do=f"Run this as root, or let root run: install -d -o {_user()} {RUN}"
                " (it lasts until the machine starts anew)",
            )
        return ConfigError(f"pcscd ended at once: {words}", do=f"See {log}.")

    async def kill(self) -> None:
        """Kill it at once, as an accident would; the socket stays, so it can be started again."""
        if self._process is not None and self.pid:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()

    async def stop(self) -> None:
        """End the daemon and give the socket back."""
        if self._process is not None and self.pid:
            self._process.terminate()
            with suppress(TimeoutError):
                async with asyncio.timeout(2.0):
                    await self._process.wait()
            await self.kill()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        gone(self.socket_path, self._wanted)
