"""InfluxDB, 1.8 and 2.x, by its v2 write API through influxdb-client's synchronous writer.

The synchronous writer raises; the batching one only logs what it loses. What an error means differs
between versions: 400 and 422 say that part of a batch may be stored, so the batch is halved until the bad
line stands alone (a repeated point is harmless, the same series and time overwrites); 401, 403, 404 are
settings; 413 halves; 429, 5xx and silence come again. Series are asked in InfluxQL, which both speak.
"""

import asyncio
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from central.telemetry.lines import MEASUREMENT, body
from central.telemetry.port import Point, Series, StoreAway, Stored, StoreRefused

BAD_LINES = (400, 422)
TOO_LARGE = 413
SETTINGS = (401, 403, 404)
OUTLIVED = re.compile(r"beyond retention policy\b.*?dropped=(\d+)")
"""What both versions say of points older than the retention."""


@dataclass(frozen=True, slots=True)
class InfluxSettings:
    """Where the InfluxDB is. On 1.8 the token is `user:password`, the bucket `database/policy`."""

    url: str
    org: str
    bucket: str
    token: str = field(repr=False)
    timeout_s: float = 5.0


class InfluxStore:
    """`TelemetryStore` in an InfluxDB."""

    def __init__(self, settings: InfluxSettings) -> None:
        from influxdb_client.client.influxdb_client import InfluxDBClient
        from influxdb_client.client.write_api import SYNCHRONOUS

        self._settings = settings
        self._client = InfluxDBClient(
            url=settings.url,
            token=settings.token,
            org=settings.org,
            timeout=int(settings.timeout_s * 1000),
            enable_gzip=not settings.url.startswith(("http://127.", "http://localhost")),
        )
        self._writer = self._client.write_api(write_options=SYNCHRONOUS)

    async def write(self, points: Sequence[Point]) -> Stored:
        """Store a batch; lines that the server refuses are counted and named."""
        return await asyncio.to_thread(lambda: self._write(body(points)))

    async def series(self, wanted: Series) -> list[tuple[datetime, float]]:
        """Return means over equal shares of the time, oldest first."""
        return await asyncio.to_thread(self._series, wanted)

    async def count(self) -> int:
        """Return how many values there are."""
        found = await asyncio.to_thread(self._ask, f"SELECT count(*) FROM {MEASUREMENT}")
        return sum(int(value) for row in found for value in row[1:] if value is not None)

    async def close(self) -> None:
        """Close the connection."""
        await asyncio.to_thread(self._client.close)

    def _write(self, text: str) -> Stored:
        """Send lines; halve them where some are refused."""
        if not text:
            return Stored(0)
        from influxdb_client.domain.write_precision import WritePrecision
        from influxdb_client.rest import ApiException
        from urllib3.exceptions import HTTPError

        try:
            self._writer.write(
                self._settings.bucket,
                self._settings.org,
                text,
                write_precision=WritePrecision.MS,  # type: ignore[arg-type]  # the client's constants are text
            )
        except ApiException as error:
            return self._refused(text.split("\n"), int(error.status or 0), _message(error.body))
        except (HTTPError, OSError) as error:
            raise self._away(f"no answer ({type(error).__name__})") from error
        return Stored(text.count("\n") + 1)

    def _refused(self, batch: list[str], status: int, message: str) -> Stored:
        """Halve a batch until the lines that the server does not want stand alone."""
        if status in SETTINGS:
            raise StoreRefused(
                f"InfluxDB refuses us: {status} {message}",
                why="Measurements are spooled to disk until it takes them.",
                do="Check token, organisation and bucket in central.toml.",
            )
        if status not in (*BAD_LINES, TOO_LARGE):
            raise self._away(f"{status} {message}")
        if len(batch) == 1:
            return Stored(0, 1, message)
        too_old = OUTLIVED.search(message)
        if too_old is not None:
            # All others are stored (1.8 and 2.x): a spool older than the retention is not asked line by line.
            dropped = min(int(too_old.group(1)), len(batch))
            return Stored(len(batch) - dropped, dropped, message)
        middle = len(batch) // 2
        first, second = (self._write("\n".join(half)) for half in (batch[:middle], batch[middle:]))
        return Stored(
            first.stored + second.stored, first.rejected + second.rejected, first.reason or second.reason
        )

    def _series(self, wanted: Series) -> list[tuple[datetime, float]]:
        since, until = (int(at.timestamp() * 1000) for at in (wanted.since, wanted.until))
        share = max((until - since) // max(wanted.points, 1), 1)
        found = self._ask(
            f"SELECT mean({_name(wanted.name)}) FROM {MEASUREMENT} WHERE station = {_text(wanted.station)}"
            f" AND part = {_text(wanted.part)} AND time >= {since}ms AND time < {until}ms"
            f" GROUP BY time({share}ms, {since % share}ms) fill(none)"
        )
        return [
            (datetime.fromtimestamp(row[0] / 1000, UTC), float(row[1])) for row in found if row[1] is not None
        ]

    def _ask(self, query: str) -> list[list[Any]]:
        database, _, policy = self._settings.bucket.partition("/")
        asked = {"db": database, "q": query, "epoch": "ms"} | ({"rp": policy} if policy else {})
        request = urllib.request.Request(  # noqa: S310 - the operator's own server
            f"{self._settings.url}/query?{urllib.parse.urlencode(asked)}",
            headers={"Authorization": f"Token {self._settings.token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=self._settings.timeout_s) as answer:  # noqa: S310
                body = json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code in SETTINGS:
                raise StoreRefused(
                    f"InfluxDB refuses the query: {error.code}", do="Check token and bucket."
                ) from error
            raise self._away(f"{error.code}") from error
        except OSError as error:
            raise self._away(f"no answer ({error})") from error
        result = body.get("results", [{}])[0]
        if "error" in result:
            raise self._away(str(result["error"]))
        return [row for series in result.get("series", ()) for row in series["values"]]

    def _away(self, seen: str) -> StoreAway:
        return StoreAway(
            f"InfluxDB at {self._settings.url}: {seen}",
            why="Measurements are spooled to disk until it is back.",
            do="Look at the InfluxDB server.",
        )


def _message(body: object) -> str:
    """Return the error text; 1.8 says `error`, 2.x says `message`."""
    try:
        found = json.loads(body if isinstance(body, str | bytes) else "{}")
    except ValueError:
        return ""
    return str(found.get("message") or found.get("error") or "")[:300] if isinstance(found, dict) else ""


def _name(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
