"""What stands on a library's own tags: a table of models, security, owners, locks and damage. Writes nothing.

A library lays down a stack of its books and learns what it has, and which settings its stations need.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import assert_never

from firmware_bridge.ports import TagMemory
from firmware_bridge.tags.image import DSFIDS
from firmware_bridge.tags.reading import (
    BlankTag,
    DamagedTag,
    ForeignTag,
    ItemTag,
    PatronTag,
    SecurityBits,
    TagContent,
    UnknownTag,
    decode_tag,
    identify,
)


@dataclass(frozen=True, slots=True)
class Kind:
    """What tags can have in common."""

    content: str
    model: str
    """What its content follows (ISO 28560 part, legacy layout); empty where nothing was understood."""
    afi: int | None
    owner: str
    locked: str
    damage: str = ""


@dataclass
class Survey:
    """Tags that were seen, by UID: the same tag counts once."""

    bits: SecurityBits = field(default_factory=SecurityBits)
    tags: dict[str, Kind] = field(default_factory=dict)
    read: int = 0
    """Readings, those of tags that were seen before included."""

    def take(self, memory: TagMemory) -> Kind:
        """Take one tag into account; return what it is."""
        self.read += 1
        kind = self.tags[memory.uid] = kind_of(memory, self.bits)
        return kind

    def rows(self) -> list[tuple[Kind, int]]:
        """Return the kinds, the most frequent first."""
        return Counter(self.tags.values()).most_common()

    def settings(self) -> str:
        """Return the lines of a station's settings that fit what was seen; empty when no item was seen."""
        items = Counter[tuple[int | None, str]]()
        models = Counter(kind.model for kind in self.tags.values() if kind.content == "item" and kind.model)
        for kind in self.tags.values():
            if kind.content == "item" and kind.owner:
                items[(kind.afi, kind.owner)] += 1
        if not items:
            return ""
        owners = sorted({owner for _, owner in items})
        afis = Counter[int]()
        for (afi, _), count in items.items():
            if afi is not None:
                afis[afi] += count
        lines = ["[pad]", f"owners = {json.dumps(owners)}"]
        known = {self.bits.secured: "afi_secured", self.bits.unsecured: "afi_lent"}
        for afi, count in afis.most_common():
            name = known.get(afi, "afi_secured or afi_lent: look which of the items are on loan")
            line = f"{name} = 0x{afi:02X}" if afi in known else f"# 0x{afi:02X}: {name}"
            lines.append(f"{line}  # {count} tags")
        written = [model for model, _ in models.most_common() if model in DSFIDS]
        if written:
            isils = Counter(kind.owner for kind in self.tags.values() if kind.model in DSFIDS and kind.owner)
            lines += ["[tags]", *(f"owner = {json.dumps(isil)}" for isil, _ in isils.most_common(1))]
            lines += [f'model = "{written[0]}"  # {models[written[0]]} tags']
        return "\n".join(lines)


def kind_of(memory: TagMemory, bits: SecurityBits) -> Kind:
    """Return what one tag is, without its item."""
    reading, found = decode_tag(memory, frozenset(), bits), identify(memory)
    model = found.model if isinstance(found, TagContent) else ""
    blocks = len(memory.blocks) // memory.block_size
    locked = "none" if not memory.locked else "all" if len(memory.locked) >= blocks else "some"
    match reading:
        case ItemTag() | ForeignTag():
            return Kind("item", model, memory.afi, reading.owner, locked)
        case PatronTag():
            return Kind("patron card", model, memory.afi, "", locked)
        case BlankTag():
            return Kind("blank", model, memory.afi, "", locked)
        case DamagedTag():
            return Kind("damaged", model, memory.afi, "", locked, reading.reason)
        case UnknownTag():
            return Kind("unknown", model, memory.afi, "", locked, reading.reason)
        case _:
            assert_never(reading)
