"""The conversation with a reader: greeting, capabilities, configuration, one ROSpec, reports, good-bye.

`step(state, message) -> (state, effects)`; one request is open at a time, and `state.open` says whether
an answer must come. Keep-alives and events may come between any two messages. No clock and no socket: how
long an answer may take is the shell's business. Tag reports do not come through here (`reports.py`).

Source: LLRP 1.1 §6 (operation), §9 (version negotiation), §12 (reports and events), §13.2.6 (events).
"""

from dataclasses import dataclass, field, replace
from typing import Literal, assert_never

from firmware_bridge.errors import DeviceLost, DeviceRefused
from firmware_bridge.llrp.codec import V1_0_1, V1_1, Message, Parameter, walk
from firmware_bridge.llrp.tables import CONNECTION, MAKES, STATUS
from firmware_bridge.ports import DeviceInfo
from wire.errors import DeviceError

ROSPEC = 0x7EAF
"""The number of our ROSpec; any but 0, which means all."""
Phase = Literal[
    "greeting", "version", "set-version", "capabilities", "configure", "dark", "identify",
    "delete", "add", "enable", "start", "reporting", "switching", "stopping", "closing", "closed",
]  # fmt: skip
ANSWERS: dict[Phase, int] = {
    "version": 56, "set-version": 57, "capabilities": 11, "configure": 13, "dark": 13, "identify": 12,
    "delete": 31, "add": 30, "enable": 34, "start": 32, "switching": 13, "stopping": 31, "closing": 4,
}  # fmt: skip
"""Which message answers the request of a phase."""
NEXT: dict[Phase, Phase] = {
    "set-version": "capabilities", "capabilities": "configure", "configure": "dark", "dark": "identify",
    "identify": "delete", "delete": "add", "add": "enable", "enable": "start", "start": "reporting",
    "switching": "reporting", "stopping": "closing", "closing": "closed",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settings:
    """What the reader is asked to do."""

    antennas: tuple[int, ...] = (0,)
    """Antenna numbers from 1; 0 means all."""
    session: int = 1
    """Gen2 session: 1 lets a tag answer again after 0.5 to 5 s, 0 at once (EPC Gen2 §6.3.2.2)."""
    population: int = 32
    """How many tags are expected in the field."""
    report_every: int = 1
    """Tags per report message."""
    keep_alive_ms: int = 5000
    """How often the reader says that it lives."""
    outputs: tuple[int, ...] = ()
    """Ports of the reader's general-purpose outputs that carry lamp and buzzer; off at each connection."""
    negotiate: bool = True
    """Ask for LLRP 1.1; a reader that refuses is spoken to in 1.0.1."""


@dataclass(frozen=True, slots=True)
class Send:
    """This goes to the reader."""

    message: Message


@dataclass(frozen=True, slots=True)
class Ready:
    """The reader inventories; this is what it is."""

    info: DeviceInfo


@dataclass(frozen=True, slots=True)
class Antenna:
    """An antenna was connected or lost."""

    antenna: int
    connected: bool


@dataclass(frozen=True, slots=True)
class Notice:
    """The reader said something that a technician may want to read."""

    text: str


@dataclass(frozen=True, slots=True)
class Switched:
    """The reader took the order to switch its outputs, or refused it."""

    refused: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """The connection is of no more use."""

    error: DeviceError


Effect = Send | Ready | Antenna | Notice | Switched | Failed


@dataclass(frozen=True, slots=True)
class Conversation:
    """Where the conversation stands. `serial` is the reader's MAC address or EPC, in hex."""

    settings: Settings
    phase: Phase = "greeting"
    version: int = V1_0_1
    message_id: int = 0
    info: DeviceInfo = field(default_factory=DeviceInfo)
    on: bool = False
    """Whether the outputs are on, or to be switched on."""

    @property
    def open(self) -> bool:
        """Whether the reader owes us a message."""
        return self.phase not in ("reporting", "closed")


Result = tuple[Conversation, tuple[Effect, ...]]


def step(state: Conversation, message: Message) -> Result:
    """Take a message of the reader; reports are passed over."""
    match message.type:
        case 61:
            return state, ()
        case 62:
            return state, (Send(Message(72, message.id, version=state.version)),)
        case 63:
            return _event(state, message)
        case 100:
            return _error(state, message)
        case number if number == ANSWERS.get(state.phase) and message.id == state.message_id:
            return _answer(state, message)
        case 13 if state.phase == "stopping":
            return state, ()  # the lamp went off on the way out
        case _:
            return state, (Notice(f"{message.name} came unasked; left out"),)


def switch(state: Conversation, on: bool) -> Result:
    """Switch the outputs; only while it reports, one order at a time."""
    if state.phase != "reporting":
        return state, (Switched(f"the reader is not ready ({state.phase})"),)
    return _ask(replace(state, on=on), "switching")


def stop(state: Conversation) -> Result:
    """End it: the ROSpec is deleted and the connection closed, however far the conversation is."""
    if state.phase in ("closed", "closing", "stopping"):
        return state, ()
    if state.phase == "greeting":
        return replace(state, phase="closed"), ()
    if not state.on:
        return _ask(state, "stopping")
    state, off = _ask(replace(state, on=False), "switching")
    state, stopping = _ask(state, "stopping")
    return state, (*off, *stopping)


def refusal(message: Message) -> str | None:
    """Return why an answer is a refusal, in words; None when it is none."""
    status = next(walk(message.inner, 287), None)
    if status is None:
        return "no LLRPStatus in the answer" if message.type != 100 else "an error without a status"
    code = int(status.fields["status_code"])
    if code == 0:
        return None
    said = str(status.fields["error_description"]).strip()
    return f"{STATUS.get(code, code)}{f': {said}' if said else ''}"


def _ask(state: Conversation, phase: Phase) -> Result:
    state = replace(state, phase=phase, message_id=state.message_id + 1)
    message = _request(state)
    return state, (Send(replace(message, id=state.message_id)),)


def _request(state: Conversation) -> Message:
    version = state.version
    match state.phase:
        case "version":
            return Message(46, version=V1_1)
        case "set-version":
            return Message(47, fields={"protocol_version": V1_1}, version=V1_1)
        case "capabilities":
            return Message(1, version=version)
        case "configure":
            return Message(3, version=version, inner=_configuration(state.settings))
        case "switching" | "dark":
            return Message(3, version=version, inner=_outputs(state.settings, on=state.on))
        case "identify":
            return Message(2, fields={"requested_data": 1}, version=version)
        case "delete":
            return Message(21, version=version)
        case "add":
            return Message(20, version=version, inner=(_rospec(state.settings),))
        case "enable" | "start" | "stopping":
            number = {"enable": 24, "start": 22, "stopping": 21}[state.phase]
            return Message(number, fields={"rospec_id": ROSPEC}, version=version)
        case "closing":
            return Message(14, version=version)
        case "greeting" | "reporting" | "closed":
            raise AssertionError(f"nothing is asked in phase {state.phase}")
        case _:
            assert_never(state.phase)


def _answer(state: Conversation, message: Message) -> Result:
    why = refusal(message)
    if state.phase == "version":
        able = why is None and int(message.fields["supported_version"]) >= V1_1
        return _ask(replace(state, version=V1_1), "set-version") if able else _ask(state, "capabilities")
    if state.phase == "set-version" and why is not None:
        return _ask(replace(state, version=V1_0_1), "capabilities")
    if state.phase == "switching":
        return replace(state, phase="reporting"), (Switched(why or ""),)
    if why is not None and state.phase not in ("stopping", "closing", "identify", "dark"):
        return replace(state, phase="closed"), (Failed(_refused(state.phase, why)),)
    if state.phase == "capabilities":
        state = replace(state, info=_info(message))
    elif state.phase == "identify":
        found = next(walk(message.inner, 218), None)
        serial = bytes(found.fields["reader_id"]).hex().upper() if found else ""
        state = replace(state, info=replace(state.info, serial=serial))
    after = NEXT[state.phase]
    if after == "dark" and not state.settings.outputs:
        after = NEXT[after]
    if after == "reporting":
        return replace(state, phase=after), (Ready(state.info),)
    return (replace(state, phase=after), ()) if after == "closed" else _ask(state, after)


def _error(state: Conversation, message: Message) -> Result:
    """ERROR_MESSAGE answers what the reader could not read (§16.1.43): an old reader, or a refusal."""
    why = refusal(message) or "no reason"
    match state.phase:
        case "version" | "set-version":
            return _ask(replace(state, version=V1_0_1), "capabilities")
        case "stopping":
            return _ask(state, "closing")
        case "switching":
            return replace(state, phase="reporting"), (Switched(why),)
        case "identify" | "dark":
            return _ask(state, NEXT[state.phase])
        case "reporting":
            return state, (Notice(f"the reader reports an error: {why}"),)
        case _:
            return replace(state, phase="closed"), (Failed(_refused(state.phase, why)),)


def _event(state: Conversation, message: Message) -> Result:
    effects: list[Effect] = []
    for parameter in walk(message.inner, 250, 251, 252, 255, 256, 257):
        fields = parameter.fields
        match parameter.type:
            case 256 if state.phase == "greeting" or fields["status"] == 4:
                state, more = _greeted(state, int(fields["status"]))
                effects += more
            case 255:
                effects.append(Antenna(int(fields["antenna_id"]), fields["event_type"] == 1))
            case 257:
                lost = DeviceLost(
                    "the reader closed the connection (ConnectionCloseEvent)", why="No tag is seen."
                )
                return replace(state, phase="closed"), (*effects, Failed(lost))
            case 250:
                effects.append(Notice(f"report buffer is {fields['percentage_full']} % full"))
            case 251:
                effects.append(Notice("report buffer overflowed: tags were not reported"))
            case 252:
                effects.append(Notice(f"reader exception: {fields['message']}"))
    return state, tuple(effects)


def _greeted(state: Conversation, status: int) -> Result:
    if status == 0:
        return _ask(state, "version" if state.settings.negotiate else "capabilities")
    said = CONNECTION.get(status, f"connection status {status}")
    if state.phase != "greeting":
        return state, (Notice(said),)
    error = DeviceRefused(
        f"the reader refuses the connection: {said}",
        why="An LLRP reader serves one client at a time; this gate sees no tag.",
        do="Look which other program or gate is connected to the reader, and end it there.",
    )
    return replace(state, phase="closed"), (Failed(error),)


def _refused(phase: Phase, why: str) -> DeviceRefused:
    return DeviceRefused(
        f"the reader refuses to {phase} ({why})",
        why="It does not inventory; this gate sees no tag.",
        do="Compare the antennas and the session of the configuration with the reader's own pages.",
    )


def _info(message: Message) -> DeviceInfo:
    found = next(walk(message.inner, 137), None)
    if found is None:
        return DeviceInfo()
    maker = int(found.fields["manufacturer"])
    return DeviceInfo(
        MAKES.get(maker, f"PEN {maker}"), str(found.fields["model"]), str(found.fields["firmware"])
    )


def _configuration(settings: Settings) -> tuple[Parameter, ...]:
    """Keep-alives, and the events that matter (§13.2.6.1: GPI, report buffer, exception, antenna)."""
    events = (1, 4, 5, 8)
    states = tuple(Parameter(245, {"event_type": number, "enabled": True}) for number in events)
    return (
        Parameter(244, inner=states),
        Parameter(220, {"trigger_type": 1, "period_ms": settings.keep_alive_ms}),
        Parameter(226, {"hold_events_and_reports_upon_reconnect": False}),
    )


def _outputs(settings: Settings, *, on: bool) -> tuple[Parameter, ...]:
    """GPOWriteData for each output of ours (§13.2.4)."""
    return tuple(Parameter(219, {"gpo_port": port, "gpo_data": on}) for port in settings.outputs)


def _rospec(settings: Settings) -> Parameter:
    """One ROSpec: started by us, never ending, a report for every `report_every` tags, PC words included."""
    singulation = Parameter(
        336,
        {"session": settings.session, "tag_population": settings.population, "tag_transit_time_ms": 0},
    )
    control = Parameter(330, inner=(singulation,))
    inventory = Parameter(
        186,
        {"inventory_parameter_spec_id": 1, "protocol": 1},
        (Parameter(222, {"antenna_id": 0}, (control,)),),
    )
    antennas = Parameter(183, {"antenna_ids": settings.antennas}, (Parameter(184), inventory))
    content = Parameter(
        238,
        {"antenna_id": True, "peak_rssi": True, "tag_seen_count": True},
        (Parameter(348, {"enable_pc_bits": True}),),
    )
    report = Parameter(237, {"trigger": 1, "n": settings.report_every}, (content,))
    boundary = Parameter(178, inner=(Parameter(179), Parameter(182)))
    return Parameter(177, {"rospec_id": ROSPEC}, (boundary, antennas, report))
