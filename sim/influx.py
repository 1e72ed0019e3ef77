"""A real InfluxDB in a folder of its own, for the demo and for tests.

The program is `TURNLEAF_TEST_INFLUXD` if that is set (1.8 or 2.x), else `influxd` from PATH, else 1.8.10
built with Go, once, into the user's cache folder.
"""

import asyncio
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from central.telemetry.influx_store import InfluxSettings
from wire.errors import ConfigError

VERSION = "1.8.10"
MODULE = f"github.com/influxdata/influxdb/cmd/influxd@v{VERSION}"


class NoInflux(ConfigError):
    """There is no InfluxDB, and none can be built."""


def influxd() -> Path:
    """Return a server's program, built if need be; raises NoInflux."""
    named = os.environ.get("TURNLEAF_TEST_INFLUXD") or shutil.which("influxd")
    if named:
        return Path(named)
    cache = (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "turnleaf" / f"influxd-{VERSION}"
    )
    program = cache / "influxd"
    if program.exists():
        return program
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if go is None:
        raise NoInflux(
            "there is no InfluxDB",
            do="Set TURNLEAF_TEST_INFLUXD to an influxd (1.8 or 2.x), put one into PATH, or install Go.",
        )
    return _build(go, program)


def _build(go: str, program: Path) -> Path:
    """Build the server; two processes may do so at once, the last one's file stays."""
    own = program.parent / f"build-{os.getpid()}"
    own.mkdir(parents=True, exist_ok=True)
    flags = ["-ldflags", f"-s -w -X main.version={VERSION}"]
    try:
        subprocess.run(
            [go, "install", *flags, MODULE],
            env={**os.environ, "CGO_ENABLED": "0", "GOBIN": str(own)},
            check=True,
            capture_output=True,
            text=True,
            timeout=900,
        )
        (own / "influxd").replace(program)
    except subprocess.CalledProcessError as error:
        raise NoInflux(f"{MODULE} cannot be built: {error.stderr[-2000:]}") from error
    finally:
        shutil.rmtree(own, ignore_errors=True)
    return program


def is_2x(program: Path) -> bool:
    """Say whether the program is of the 2.x line."""
    told = subprocess.run([program, "version"], capture_output=True, text=True, check=False)
    return re.search(r"v?2\.\d", told.stdout + told.stderr) is not None


def free_port() -> int:
    """Return a TCP port that is free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Influx:
    """One server with one bucket, on a port that stays the same over restarts."""

    program: Path
    folder: Path
    retention_days: int = 30
    port: int = field(default_factory=free_port)
    rpc: int = field(default_factory=free_port)
    password: str = field(default_factory=lambda: secrets.token_hex(12), repr=False)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.two = is_2x(self.program)
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        """The server's address."""
        return f"http://127.0.0.1:{self.port}"

    def settings(self, *, token: str | None = None, bucket: str | None = None) -> InfluxSettings:
        """Return settings of the store, right ones unless told otherwise."""
        right_token = self.password if self.two else f"admin:{self.password}"
        right_bucket = "telem" if self.two else "telem/rp"
        return InfluxSettings(self.url, "org", bucket or right_bucket, token or right_token)

    async def start(self) -> None:
        """Start the server and wait until it answers; make user and bucket the first time."""
        first = not any(self.folder.iterdir())
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: ASYNC220 - a start is quick, and the handle is needed
                self._command(), env={**os.environ, **self._environment()}, stdout=log, stderr=log
            )
        async with asyncio.timeout(60):
            while not await asyncio.to_thread(self._healthy):
                if self.process.poll() is not None:
                    raise ConfigError(f"influxd ended: {(self.folder / 'log').read_text()[-2000:]}")
                await asyncio.sleep(0.05)
        if first:
            await asyncio.to_thread(self._setup)

    def kill(self) -> None:
        """SIGKILL it."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it and wait for it."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def query(self, text: str) -> list[list[object]]:
        """Return the rows of an InfluxQL query, asked past our own store."""
        token = self.settings().token
        asked = urllib.parse.urlencode({"db": "telem", "q": text, "epoch": "ms"})
        request = urllib.request.Request(
            f"{self.url}/query?{asked}", headers={"Authorization": f"Token {token}"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            result = json.load(answer)["results"][0]
        return [row for series in result.get("series", ()) for row in series["values"]]

    def write_raw(self, text: str) -> None:
        """Write one line as somebody else would."""
        wanted = self.settings()
        where = urllib.parse.urlencode({"org": wanted.org, "bucket": wanted.bucket, "precision": "ms"})
        request = urllib.request.Request(
            f"{self.url}/api/v2/write?{where}", data=text.encode(), method="POST",
            headers={"Authorization": f"Token {wanted.token}"},
        )  # fmt: skip
        urllib.request.urlopen(request, timeout=20).close()

    def _command(self) -> list[str]:
        if not self.two:
            return [str(self.program), "run", "-config", "/dev/null"]
        return [
            str(self.program), "--http-bind-address", f"127.0.0.1:{self.port}", "--reporting-disabled",
            "--bolt-path", f"{self.folder}/i.bolt", "--sqlite-path", f"{self.folder}/i.sqlite",
            "--engine-path", f"{self.folder}/engine",
        ]  # fmt: skip

    def _environment(self) -> dict[str, str]:
        if self.two:
            return {}
        return {
            "INFLUXDB_META_DIR": f"{self.folder}/meta",
            "INFLUXDB_DATA_DIR": f"{self.folder}/data",
            "INFLUXDB_DATA_WAL_DIR": f"{self.folder}/wal",
            "INFLUXDB_HTTP_BIND_ADDRESS": f"127.0.0.1:{self.port}",
            "INFLUXDB_BIND_ADDRESS": f"127.0.0.1:{self.rpc}",
            "INFLUXDB_REPORTING_DISABLED": "true",
            "INFLUXDB_HTTP_AUTH_ENABLED": "true",
        }

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=2) as answer:
                return bool(json.load(answer).get("status") == "pass")
        except (OSError, ValueError):
            return False

    def _setup(self) -> None:
        if self.two:
            body = {
                "username": "admin", "password": self.password, "org": "org", "bucket": "telem",
                "token": self.password, "retentionPeriodSeconds": self.retention_days * 86400,
            }  # fmt: skip
            request = urllib.request.Request(
                f"{self.url}/api/v2/setup", data=json.dumps(body).encode(), method="POST",
                headers={"Content-Type": "application/json"},
            )  # fmt: skip
            urllib.request.urlopen(request, timeout=20).close()
            return
        self._ask_1x(f"CREATE USER admin WITH PASSWORD '{self.password}' WITH ALL PRIVILEGES")
        self._ask_1x(f"CREATE DATABASE telem WITH DURATION {self.retention_days}d REPLICATION 1 NAME rp")

    def _ask_1x(self, text: str) -> None:
        """Ask as the admin. 1.8 now and then refuses a user it has just made (403): it is asked again."""
        for last in (False,) * 50 + (True,):
            request = urllib.request.Request(
                f"{self.url}/query", data=urllib.parse.urlencode({"q": text}).encode(),
                headers={"Authorization": f"Token admin:{self.password}"},
            )  # fmt: skip
            try:
                urllib.request.urlopen(request, timeout=20).close()
                return
            except urllib.error.HTTPError as error:
                if error.code != 403 or last:
                    raise ConfigError(f"InfluxDB: {error.code} {error.read()!r}") from error
                time.sleep(0.05)
