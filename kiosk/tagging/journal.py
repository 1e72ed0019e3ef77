"""The tag station's own memory: what it began, finished and refused, a JSON line each, synced before it acts.

It makes a break harmless: what is done is not asked for again, and a tag that was being written when the
power went is known by its UID, with the content that it had before.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kiosk.tagging.program import Wanted
from wire.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Begun:
    """A tag whose writing began and has not ended."""

    wanted: Wanted
    before: bytes
    image: bytes = b""
    """What the whole memory is to become, when a tag is converted."""


class Journal:
    """One file of one row of work; it is opened anew by the next run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.done: dict[tuple[str, int], str] = {}
        """Item and part of what is written and read back -> UID of its tag."""
        self.open: dict[str, Begun] = {}
        """UID -> what was being written on it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._read()
        self._file = path.open("a", encoding="utf-8")

    def _read(self) -> None:
        if not self.path.exists():
            return
        self._mend_end()
        lines = self.path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, 1):
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise ConfigError(
                    f"{self.path}:{number}: not a line of a tag station: {error}",
                    why="What was written before is not known.",
                    do="Put the file aside; items that are written already are recognised by their tags.",
                ) from error

    def _mend_end(self) -> None:
        """Cut off the line that was being written when the power went: what follows must not join it."""
        data = self.path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.truncate(self.path, whole)

    def _take(self, line: dict[str, Any]) -> None:
        match line["what"]:
            case "begun":
                wanted = Wanted(line["item"], line["owner"], line["part"], line["parts"], line["usage"])
                image = bytes.fromhex(line.get("image", ""))
                self.open[line["uid"]] = Begun(wanted, bytes.fromhex(line["before"]), image)
            case "done":
                self.open.pop(line["uid"], None)
                self.done[line["item"], line["part"]] = line["uid"]

    def begin(self, uid: str, wanted: Wanted, before: bytes, *, reason: str = "", image: bytes = b"") -> None:
        """Note that a tag is about to be written, what it held, and why that was allowed."""
        self.open[uid] = Begun(wanted, before, image)
        self._write(
            what="begun",
            uid=uid,
            item=wanted.item,
            owner=wanted.owner,
            part=wanted.part,
            parts=wanted.parts,
            usage=wanted.usage,
            before=before.hex(),
            reason=reason,
            image=image.hex(),
        )

    def finish(self, uid: str, wanted: Wanted) -> None:
        """Note that a tag was read back as wanted."""
        self.open.pop(uid, None)
        self.done[wanted.item, wanted.part] = uid
        self._write(what="done", uid=uid, item=wanted.item, part=wanted.part)

    def refuse(self, uid: str, wanted: Wanted, why: str) -> None:
        """Note that a tag was left alone."""
        self._write(what="refused", uid=uid, item=wanted.item, part=wanted.part, why=why)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, **line: object) -> None:
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())
