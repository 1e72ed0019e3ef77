"""The demo as somebody starts it: under a terminal, in a folder of its own, with keys to press."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
START_S = 60.0
END_S = 45.0


def left_behind(folder: Path) -> list[str]:
    """Return the command lines of processes that belong to a demo in `folder`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
            around = (process / "environ").read_bytes()
        except OSError:
            continue
        if int(process.name) != os.getpid() and os.fsencode(folder) in words + around:
            found.append(words.replace(b"\0", b" ").decode(errors="replace"))
    return found


@dataclass
class Terminal:
    """A demo under a pseudo terminal."""

    process: subprocess.Popen[bytes]
    master: int
    _said: bytearray = field(default_factory=bytearray)
    _reader: threading.Thread | None = None

    def listen(self) -> None:
        """Read what it writes, for as long as it writes."""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            ready, _, _ = select.select([self.master], [], [], 0.2)
            if ready:
                try:
                    self._said += os.read(self.master, 65536)
                except OSError:
                    return
            elif self.process.poll() is not None:
                return

    @property
    def said(self) -> str:
        """Everything that it wrote so far."""
        return self._said.decode(errors="replace")

    def wait_for(self, pattern: str, seconds: float = START_S) -> str:
        """Wait until it says something; return the first group."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = re.search(pattern, self.said)
            if found:
                return found.group(1)
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"never said {pattern!r}: {self.said[-2000:]}")

    def forget(self) -> None:
        """Forget what it wrote so far, so that what comes next can be waited for."""
        self._said.clear()

    def press(self, key: str) -> None:
        """Press a key."""
        os.write(self.master, key.encode())

    def end(self) -> int:
        """Wait for its end and return the exit code."""
        code = self.process.wait(END_S)
        if self._reader is not None:
            self._reader.join(5)
        return code


@contextmanager
def demo(folder: Path, *words: str) -> Iterator[Terminal]:
    """Start `turnleaf demo` in `folder`; whatever happens, it is ended."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "turnleaf", "demo", "--dir", str(folder), *words],
        cwd=ROOT, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        env=os.environ | {"TERM": "xterm-256color"},
    )  # fmt: skip
    os.close(slave)
    it = Terminal(process, master)
    it.listen()
    try:
        yield it
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        os.close(master)
