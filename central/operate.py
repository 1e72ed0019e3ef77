"""What operators and integrators ask of central: `req/<identity>/<verb>` -> `rsp/<identity>/<verb>`.

Who may do what stands in central.toml; a refusal is an answer. What expired on its way is not done. An
operator's name is the certificate's name, which the broker forces into the topic.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Literal

from pydantic import ValidationError

from central.alarms.life import Acknowledge, Event, OutOfService, Shelve
from central.desk import Desk
from central.ledger.ledger import Ledger
from central.results import DeskResult, RetryStream, SkipEntry
from central.telemetry.port import Series, TelemetryStore
from central.watch import Watch
from wire.clock import Clock
from wire.errors import TurnleafError
from wire.ids import new_id
from wire.link import Inbound, Link, Outgoing
from wire.messages.states import Command, CommandReply, Operate, Operated
from wire.topics import BY_NAME, topic

log = logging.getLogger("turnleaf.central.operate")

Row = dict[str, str | int | float | bool | None]
Handler = Callable[[str, Operate], Awaitable[Operated]]

COMMAND_S = 20.0
"""How long a station has for a command."""
AT_ONCE = 64
"""Requests under way at once; more are refused."""
REPLY_BYTES = 48 * 1024
"""What the rows of a reply come to at most; what does not fit is left out, and the detail says so."""
MONTH_MINUTES = 31 * 24 * 60
READING = frozenset({"history", "cases", "parked", "stations"})
VERBS = ("open", "close", "selftest", "resync")


class Operators:
    """Carries out what operators ask."""

    def __init__(
        self,
        link: Link,
        clock: Clock,
        *,
        rights: dict[str, Literal["operate", "look"]],
        watch: Watch,
        desk: Desk,
        ledger: Ledger,
        telemetry: TelemetryStore,
    ) -> None:
        self._link = link
        self._clock = clock
        self._rights = rights
        self._watch = watch
        self._desk = desk
        self._ledger = ledger
        self._telemetry = telemetry
        self._replies: dict[tuple[str, str], asyncio.Future[CommandReply]] = {}
        self._under_way = 0
        self._handlers: dict[str, Handler] = {
            "alarm-ack": self._acknowledge,
            "alarm-shelve": self._shelve,
            "alarm-out-of-service": self._out_of_service,
            "station-command": self._command,
            "stream-retry": self._retry,
            "stream-skip": self._skip,
            "history": self._history,
            "cases": self._cases,
            "parked": self._parked,
            "stations": self._stations,
        }

    async def take(self, identity: str, verb: str, message: Inbound) -> None:
        """Do what is asked, if it is allowed and not too late, and answer."""
        try:
            asked = Operate.decode(message.payload)
        except ValidationError:
            log.warning("a request of %s cannot be read", identity)
            return
        if self._under_way >= AT_ONCE:
            done = _refused(asked, "central is busy; ask again")
        else:
            self._under_way += 1
            try:
                done = await self._do(identity, verb, asked)
            finally:
                self._under_way -= 1
        where = topic("response", identity=identity, verb=verb)
        self._link.post(
            Outgoing(
                where, done.encode(), expiry_s=BY_NAME["response"].expiry_s, correlation=message.correlation
            )
        )

    async def _do(self, identity: str, verb: str, asked: Operate) -> Operated:
        handler = self._handlers.get(verb)
        right = self._rights.get(identity)
        if handler is None:
            return _refused(asked, f"there is no request named {verb}")
        if right is None or (right == "look" and verb not in READING):
            return _refused(asked, f"{identity} may not {verb}; the rights stand in central.toml")
        if self._clock.now() >= asked.until:
            return _refused(asked, "it came too late")
        if verb not in READING:
            log.info("%s: %s", identity, verb)
        try:
            return await handler(identity, asked)
        except (KeyError, ValueError, TypeError) as error:
            return _refused(asked, f"an argument is missing or wrong: {error}")
        except TurnleafError as error:
            return Operated(request=asked.request, outcome="failed", detail=error.seen[:300])

    async def _alarm(self, asked: Operate, event: Event) -> Operated:
        if not await self._watch.alarms.act(_text(asked, "alarm"), event, self._clock.now()):
            return _refused(asked, "no such alarm; it may be over")
        return Operated(request=asked.request, outcome="done")

    async def _acknowledge(self, identity: str, asked: Operate) -> Operated:
        event = Acknowledge(identity, _text(asked, "note", ""))
        return await self._alarm(asked, event)

    async def _shelve(self, identity: str, asked: Operate) -> Operated:
        until = self._clock.now() + timedelta(minutes=_number(asked, "minutes", 60, MONTH_MINUTES))
        event = Shelve(identity, until, _text(asked, "note", ""))
        return await self._alarm(asked, event)

    async def _out_of_service(self, identity: str, asked: Operate) -> Operated:
        event = OutOfService(identity if asked.args.get("on", True) else "", _text(asked, "note", ""))
        return await self._alarm(asked, event)

    async def _command(self, identity: str, asked: Operate) -> Operated:
        """Send a command to a station and wait for its word."""
        station, verb = _text(asked, "station"), _text(asked, "verb")
        if not self._watch.known(station) or verb not in VERBS:
            return _refused(asked, f"no station {station}, or no command {verb}")
        until = self._clock.now() + timedelta(seconds=COMMAND_S)
        command = Command.model_validate(
            {"command": new_id(), "until": until, "verb": verb, "text": _text(asked, "text", "")[:120]}
        )
        log.info("%s tells %s to %s", identity, station, verb)
        answer: asyncio.Future[CommandReply] = asyncio.get_running_loop().create_future()
        self._replies[(station, command.command)] = answer
        try:
            await self._link.publish(
                Outgoing(topic("command", station=station), command.encode(), expiry_s=int(COMMAND_S))
            )
            async with asyncio.timeout(COMMAND_S):
                reply = await answer
        except TimeoutError:
            return Operated(request=asked.request, outcome="failed", detail=f"{station} did not answer")
        finally:
            self._replies.pop((station, command.command), None)
        outcome: Literal["done", "failed"] = "done" if reply.outcome == "done" else "failed"
        return Operated(request=asked.request, outcome=outcome, detail=reply.detail or reply.outcome)

    def reply(self, station: str, payload: bytes) -> None:
        """Take a station's word on a command; another station's word on it does not count."""
        try:
            reply = CommandReply.decode(payload)
        except ValidationError:
            return
        waiting = self._replies.get((station, reply.command))
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)

    async def _retry(self, identity: str, asked: Operate) -> Operated:
        return self._released(asked, await self._desk.submit(RetryStream(_text(asked, "station"), identity)))

    async def _skip(self, identity: str, asked: Operate) -> Operated:
        return self._released(asked, await self._desk.submit(SkipEntry(_text(asked, "station"), identity)))

    def _released(self, asked: Operate, result: DeskResult) -> Operated:
        """Say what the desk did; it tells of a released stream by the same word as of a parked one."""
        if result.alarm is None:
            return Operated(
                request=asked.request, outcome="failed", detail=result.detail or "nothing is parked there"
            )
        self._watch.trouble(result.alarm)
        return Operated(request=asked.request, outcome="done", detail=result.detail or "released")

    async def _history(self, _: str, asked: Operate) -> Operated:
        now = self._clock.now()
        wanted = Series(
            _text(asked, "station"),
            _text(asked, "part"),
            _text(asked, "name"),
            now - timedelta(minutes=_number(asked, "minutes", 60, 12 * MONTH_MINUTES)),
            now,
            int(_number(asked, "points", 120, 500)),
        )
        found = await self._telemetry.series(wanted)
        rows: list[Row] = [{"at": at.isoformat(), "value": value} for at, value in found]
        return _rows(asked, rows)

    async def _cases(self, _: str, asked: Operate) -> Operated:
        found = await self._ledger.cases(open_only=bool(asked.args.get("open", True)), limit=200)
        return _rows(
            asked,
            [
                {
                    "key": case.key,
                    "kind": case.kind,
                    "station": case.station,
                    "branch": case.branch,
                    "item": case.item,
                    "detail": case.detail,
                    "opened": case.opened.isoformat(),
                    "closed": case.closed.isoformat() if case.closed else None,
                }
                for case in found
            ],
        )

    async def _parked(self, _: str, asked: Operate) -> Operated:
        found = await self._ledger.parked()
        return _rows(asked, [{"station": one.station, "seq": one.seq, "seen": one.seen} for one in found])

    async def _stations(self, _: str, asked: Operate) -> Operated:
        found = await self._ledger.stations()
        return _rows(
            asked,
            [
                {"station": one.station, "branch": one.branch, "kind": one.kind, "name": one.name}
                for one in found
            ],
        )


def _text(asked: Operate, name: str, otherwise: str | None = None) -> str:
    value = asked.args.get(name, otherwise)
    if value is None:
        raise KeyError(name)
    return str(value)


def _number(asked: Operate, name: str, otherwise: float, most: float) -> float:
    value = float(asked.args.get(name) or otherwise)
    if not 1 <= value <= most:
        raise ValueError(f"{name} is a number from 1 to {most:g}")
    return value


def _refused(asked: Operate, why: str) -> Operated:
    return Operated(request=asked.request, outcome="refused", detail=why[:300])


def _rows(asked: Operate, rows: list[Row]) -> Operated:
    """Return as many rows as fit into one message."""
    room, fit = REPLY_BYTES, 0
    for row in rows:
        room -= len(json.dumps(row, ensure_ascii=False).encode()) + 1
        if room < 0:
            break
        fit += 1
    detail = "" if fit == len(rows) else f"{len(rows) - fit} more are left out"
    return Operated(request=asked.request, outcome="done", detail=detail, rows=tuple(rows[:fit]))
