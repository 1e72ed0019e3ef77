"""A message to the bytes of a frame. Strict: what would break the frame never leaves inside a value.

Most messages hold nothing that must be cleaned or cut, which one look at the whole tells; the others are
looked at value by value. What there is to write for a kind of message is worked out once (`Plan`).
"""

from central.sip2 import messages
from central.sip2.layout import CLEAN, PLAIN, Dialect, Plan, checksum, defaults, layout
from central.sip2.messages import Message

IDS = frozenset({"AA", "AB", "CN", "CO", "AD"})
"""Fields that name somebody or something: changed by one letter, they name another."""


def _plan(kind: type[Message], dialect: Dialect) -> Plan:
    found = dialect.plans.get(kind)
    if found is None:
        laid, unsaid = layout(kind), defaults(kind)
        found = dialect.plans[kind] = Plan(
            laid.width,
            tuple((name, unsaid[name], spec.kind.write, spec) for name, spec in laid.fixed),
            tuple(
                (
                    name,
                    spec.id,
                    None if spec.kind is None else spec.kind.write,
                    spec.repeated,
                    spec.required or spec.id in dialect.forced,
                )
                for name, spec in sorted(laid.named.values(), key=lambda one: one[1].id in ("AF", "AG"))
                if spec.id not in dialect.hidden
            ),
        )
    return found


def encode(message: Message, dialect: Dialect = PLAIN, sequence: str | None = None) -> bytes:
    """Return a frame with its terminator; raises ValueError when a value does not fit its fixed field.

    `sequence` is the digit that the reply must echo; a resend request (96, 97) carries none.
    """
    plan = _plan(type(message), dialect)
    text = _plainly(message, plan, dialect)
    if text is None:
        text = _carefully(message, plan, dialect)
    frame = text.encode(dialect.encoding, "sip2-as-it-came" if dialect.as_it_came else "replace")
    if dialect.checksum:
        bare = sequence is None or isinstance(message, _BARE)
        frame += b"AZ" if bare else f"AY{sequence}AZ".encode("ascii")
        frame += checksum(frame)
    return frame + dialect.terminator


def _plainly(message: Message, plan: Plan, dialect: Dialect) -> str | None:
    """Return a message in which nothing is to be cleaned, cut or refused; None when something may be.

    One look at the whole tells that there is no letter to mind, and no bar but those between the fields.
    """
    said, most = vars(message), min(dialect.most, dialect.longest_id)
    out = [message.code]
    for name, unsaid, write, _ in plan.fixed:
        out.append(write(said.get(name, unsaid)))
    if sum(map(len, out)) != plan.width:
        return None
    ahead = len(out)
    for name, key, as_text, repeated, required in plan.named:
        value = said.get(name)
        if not value and value is not False:
            if required:
                out.append(f"{key}|")
        elif repeated:
            if max(map(len, value)) > most:
                return None
            out += [f"{key}{one}|" for one in value]
        else:
            text = value if as_text is None else as_text(value)
            if len(text) > most:
                return None
            out.append(f"{key}{text}|")
    for key, value in message.extra:
        if key not in dialect.hidden:
            if len(value) > most:
                return None
            out.append(f"{key}{value}|")
    text = "".join(out)
    whole = text.isascii() and text.isprintable() and text.count("|") == len(out) - ahead
    return text if whole else None


def _carefully(message: Message, plan: Plan, dialect: Dialect) -> str:
    """Return a message with each of its values looked at."""
    said = vars(message)
    out = [message.code]
    for name, unsaid, write, spec in plan.fixed:
        text = write(said.get(name, unsaid))
        out.append(
            text if spec.kind.plain and len(text) == spec.width else _fitting(text, dialect, spec.width)
        )
    for name, key, as_text, repeated, required in plan.named:
        value = said.get(name)
        if not value and value is not False:
            if required:
                out.append(f"{key}|")
        elif repeated:
            out += [f"{key}{_value(one, dialect)}|" for one in value]
        else:
            text = value if as_text is None else as_text(value)
            out.append(f"{key}{_id(text, dialect) if key in IDS else _value(text, dialect)}|")
    for key, value in message.extra:
        if key not in dialect.hidden:
            out.append(f"{key}{_value(value, dialect)}|")
    return "".join(out)


_BARE = (messages.RequestResend, messages.ResendRequest)
"""Messages that carry no sequence."""


def _fitting(text: str, dialect: Dialect, width: int) -> str:
    """Return a value of a fixed field; raises ValueError when it does not fit."""
    if len(text) == width and text.isascii() and text.isprintable() and "|" not in text:
        return text
    text = text.translate(CLEAN)
    if (len(text) if text.isascii() else len(text.encode(dialect.encoding, "replace"))) != width:
        raise ValueError(f"{text!r} does not fit a field of {width} bytes")
    return text


def _id(text: str, dialect: Dialect) -> str:
    """Return a value as it is; raises ValueError when it could only be sent as another one."""
    size = len(text)
    if not text.isascii():
        errors = "surrogateescape" if dialect.as_it_came else "strict"
        try:
            size = len(text.encode(dialect.encoding, errors))
        except UnicodeEncodeError:
            raise ValueError(f"a number or name cannot be written in {dialect.encoding}") from None
    if size > dialect.longest_id or text.translate(CLEAN) != text:
        raise ValueError("a number or name holds what SIP2 cannot carry, or is too long")
    return text


def _value(text: str, dialect: Dialect) -> str:
    """Return a value without what would break the frame, cut between two characters."""
    if "|" in text or not text.isprintable():
        text = text.translate(CLEAN)
    if text.isascii():
        return text[: dialect.most]
    data = text.encode(dialect.encoding, "replace")
    return text if len(data) <= dialect.most else data[: dialect.most].decode(dialect.encoding, "ignore")
