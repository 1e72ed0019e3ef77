"""The retained states of a station and its numbered samples, as messages ready to post.

Kept in memory and said whole on every connect, so that nothing has to be remembered of what the
broker may have forgotten.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from firmware_bridge.ports import DeviceInfo
from kiosk.station_link import expiry_of
from kiosk.station_work import Opening
from wire.clock import Stamper
from wire.edge import Depth
from wire.link import Outgoing
from wire.messages.base import stamped
from wire.messages.states import Part, Parts, Sample, Work
from wire.topics import topic

PartState = Literal["ok", "degraded", "lost"]


class StationStates:
    """Parts, work and sample numbers of one boot."""

    def __init__(self, station: str, stamper: Stamper) -> None:
        self._station = station
        self._stamper = stamper
        self._parts: dict[str, Part] = {}
        self._through: dict[str, str] = {}
        self._samples: dict[str, int] = {}
        self._said_work: tuple[object, ...] | None = None
        self.items_n: int | None = None

    def parts(self) -> Iterable[Part]:
        """Return the parts as they are now."""
        return self._parts.values()

    def part_state(self, part: str) -> PartState | None:
        """Return how a part is, None when it was never told."""
        known = self._parts.get(part)
        return known.state if known else None

    def reach(self, part: str, through: str) -> None:
        """Note, before anything is said of a part, through which other part of this station it is reached."""
        self._through[part] = through

    def set_part(
        self, part: str, state: PartState, info: DeviceInfo | None, seen: str, place: str | None = None
    ) -> bool:
        """Keep how a part is; True when that is news. `seen` is for a technician, nothing personal."""
        old = self._parts.get(part)
        now = self._stamper.clock.now()
        told = info or (DeviceInfo(old.make, old.model, old.firmware, old.serial) if old else DeviceInfo())
        new = Part(
            part=part,
            state=state,
            since=old.since if old is not None and old.state == state else now,
            make=told.make[:60],
            model=told.model[:60],
            firmware=told.firmware[:60],
            serial=told.serial[:60],
            seen="" if state == "ok" else seen[:300],
            place=place[:60] if place else old.place if old is not None else None,
            through=self._through.get(part),
        )
        self._parts[part] = new
        return new != old

    def parts_message(self) -> Outgoing:
        """Return the retained message of all parts."""
        stamp = self._stamper.stamp()
        message = Parts(boot=stamp.boot, at=stamp.at, parts=tuple(self._parts.values()))
        return Outgoing(topic("parts", station=self._station), message.encode(), qos=1, retain=True)

    def work_message(self, opening: Opening, depth: Depth, *, again: bool) -> Outgoing | None:
        """Return the retained message of the work state; None when it says nothing new and not `again`."""
        key = (opening, depth.open, depth.oldest, round(depth.fill, 3), self.items_n)
        if key == self._said_work and not again:
            return None
        self._said_work = key
        stamp = self._stamper.stamp()
        message = Work(
            boot=stamp.boot,
            at=stamp.at,
            service=opening.service,
            reason=opening.reason[:120],
            outbox_open=depth.open,
            outbox_oldest=depth.oldest,
            outbox_fill=min(1.0, depth.fill),
            items_n=self.items_n,
        )
        return Outgoing(topic("work", station=self._station), message.encode(), qos=1, retain=True)

    def first_sample(self, part: str) -> bool:
        """Whether no sample of this part was made yet in this boot."""
        return part not in self._samples

    def sample_message(
        self, part: str, values: dict[str, float], *, at: datetime | None = None, late: bool = False
    ) -> Outgoing:
        """Return the next sample of a part. The number goes up whether it is delivered or not.

        `at` is when it was measured, when that is not now. A `late` one is confirmed by the broker: it is
        told once, and nothing follows that would make up for it.
        """
        n = self._samples.get(part, 0) + 1
        self._samples[part] = n
        when = stamped(self._stamper.stamp()) | ({"at": at} if at is not None else {})
        message = Sample(n=n, values=values, late=late or None, **when)
        return Outgoing(
            topic("sample", station=self._station, part=part),
            message.encode(),
            qos=1 if late else 0,
            expiry_s=expiry_of("sample"),
        )
