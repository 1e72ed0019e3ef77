"""What a library system can over SIP2, and which quirks it has: asked, not believed.

Only questions that change nothing are sent: 99, 63, 23 and 17. What a peer says that it supports (BX) is
told beside what it did.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from central.sip2.client import Connection, Peer, Unheard, Unreachable
from central.sip2.codec import Frame
from central.sip2.messages import (
    AcsStatus,
    Message,
    PatronInformation,
    PatronInformationResponse,
    PatronStatusRequest,
    ScStatus,
)
from central.sip2.messages_items import ItemInformation, ItemInformationResponse

ORDER = ("23", "11", "09", "01", "99", "97", "93", "63", "35", "37", "17", "19", "25", "15", "29", "65")
"""Messages in the order of the flags of BX (3M SIP2 2.00, "Supported messages")."""
NOBODY, NOTHING = "turnleaf-nobody", "turnleaf-nothing"
"""Numbers that no library gives: a peer must say that it does not know them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried."""

    what: str
    ok: bool
    seen: str


@dataclass(frozen=True, slots=True)
class Probe:
    """What was found."""

    findings: tuple[Finding, ...]
    supported: dict[str, bool]
    quirks: tuple[str, ...]


async def probe(peer: Peer, patron: str = "", item: str = "", at: datetime | None = None) -> Probe:
    """Ask a peer; raises Unreachable or LoginRefused when it cannot be asked at all.

    `at` is the time of the questions; strict systems hang up on those that have none.
    """
    findings: list[Finding] = []
    quirks: list[str] = []
    connection = await Connection.open(peer)
    try:
        status = connection.status
        findings.append(Finding("login", True, f"taken as {peer.user}" if peer.user else "none was needed"))
        findings.append(_status(status))
        supported = _supported(status)
        for what, message in _questions(patron, item, at):
            found, why = await _ask(connection, message)
            findings.append(_finding(what, found, why))
            if found is not None:
                quirks += _quirks(peer, found)
            if connection.broken:
                await connection.close()
                quirks.append(f"hangs up or stays silent at {message.code}")
                try:
                    connection = await Connection.open(peer)
                except (Unheard, Unreachable) as error:
                    findings.append(Finding("a connection after that", False, error.seen))
                    break
        bare = await _without_checksums(peer)
        if bare:
            quirks.append(bare)
    finally:
        await connection.close()
    return Probe(tuple(findings), supported, tuple(dict.fromkeys(quirks)))


def _questions(patron: str, item: str, at: datetime | None) -> list[tuple[str, Message]]:
    asked: list[tuple[str, Message]] = [
        ("status again (99)", ScStatus()),
        ("nobody's account (63)", PatronInformation(at=at, patron=NOBODY)),
        ("nobody's status (23)", PatronStatusRequest(at=at, patron=NOBODY)),
        ("nothing's item (17)", ItemInformation(at=at, item=NOTHING)),
    ]
    if patron:
        asked.append(("the patron's account (63)", PatronInformation(at=at, patron=patron)))
    if item:
        asked.append(("the item (17)", ItemInformation(at=at, item=item)))
    return asked


async def _ask(connection: Connection, message: Message) -> tuple[Frame | None, str]:
    try:
        return await connection.request(message), ""
    except Unheard as error:
        return None, error.seen


def _status(status: AcsStatus | None) -> Finding:
    if status is None:
        return Finding("status (98)", False, "something else than a status came")
    can = [word for word in ("checkout", "checkin", "renewal", "offline") if getattr(status, word)]
    online = "on line" if status.online else "off line"
    return Finding(
        "status (98)", status.online, f"{online}, version {status.version}; {', '.join(can) or 'nothing'}"
    )


def _supported(status: AcsStatus | None) -> dict[str, bool]:
    flags = status.supported if status is not None else ""
    return {code: flags[at : at + 1] == "Y" for at, code in enumerate(ORDER)}


def _finding(what: str, found: Frame | None, why: str) -> Finding:
    if found is None:
        return Finding(what, False, why)
    message = found.message
    if isinstance(message, PatronInformationResponse):
        seen = {True: "a valid patron", False: "no valid patron", None: "BL is not sent"}[message.valid]
        nobody = message.patron == NOBODY
        return Finding(what, not (nobody and message.valid), seen)
    if isinstance(message, ItemInformationResponse):
        return Finding(what, True, f"circulation status {message.circulation_status:02d}")
    return Finding(what, True, "answered")


def _quirks(peer: Peer, found: Frame) -> list[str]:
    quirks = [f"{found.message.code}: {problem}" for problem in found.problems]
    if peer.dialect.checksum and found.check == "none":
        quirks.append("answers without a checksum")
    quirks += [f"field {key} (not in 2.00)" for key, _ in found.message.extra]
    return quirks


async def _without_checksums(peer: Peer) -> str:
    """Say when the peer does not answer questions without error detection."""
    if not peer.dialect.checksum:
        return ""
    bare = replace(peer, dialect=replace(peer.dialect, checksum=False), retries=0)
    try:
        connection = await Connection.open(bare)
    except Unheard:
        return "expects checksums"
    await connection.close()
    return ""
