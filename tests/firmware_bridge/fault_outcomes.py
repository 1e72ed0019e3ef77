"""What each driver makes of each fault: the table of docs/reference/driver-faults.md, and what the tests hold.

A value is right, or it does not come and an error says why; never is it wrong, never is there nothing. `errors`
are the names that may come; `always` says that in spite of the fault every value comes and is right.
"""

from dataclasses import dataclass, field

from sim.cables import Fault


@dataclass(frozen=True)
class Outcome:
    """What may come of a fault."""

    words: str
    errors: frozenset[str] = field(default_factory=frozenset)
    always: bool = False


def right(words: str = "all right") -> Outcome:
    """Every value comes, and is right."""
    return Outcome(words, always=True)


def or_error(*errors: str, words: str = "") -> Outcome:
    """A value is right, or one of these errors comes."""
    named = [f"*{error}*" if error == "unknown" else f"`{error}`" for error in errors]
    return Outcome(words or " or ".join(("right", *named)), frozenset(errors))


CABLES: dict[str, tuple[str, Fault]] = {
    "chop": ("one byte at a time", Fault(chop=True)),
    "delay": ("each packet up to 20 ms late", Fault(delay_s=0.02)),
    "slow": ("each packet up to 70 ms late, patience 100 ms", Fault(delay_s=0.07)),
    "repeat": ("every third packet comes twice", Fault(repeat=0.3)),
    "lose": ("a fifth of the packets is lost", Fault(lose=0.2)),
    "cut": ("now and then cut in mid-frame", Fault(cut=0.05)),
    "flip": ("every tenth packet with a bit flipped", Fault(garbage=0.1)),
}
"""Fault -> words, and the cable of the simulator that has it."""

DRIVERS: dict[str, str] = {
    "feig-tcp": "FEIG, TCP",
    "feig-serial": "FEIG, serial",
    "3m-tcp": "3M, TCP",
    "3m-serial": "3M, serial",
    "llrp": "LLRP",
    "scanner": "serial scanner",
    "pcsc": "PC/SC pad",
}

LATE = or_error("DeviceTimeout", "unknown")
LOST = or_error("DeviceLost", "DeviceTimeout", "unknown")
SERIAL_CUT = or_error("DeviceTimeout", "FrameError", "unknown")
CABLE_OUTCOMES: dict[str, dict[str, Outcome]] = {
    "feig-tcp": {
        "chop": right(), "delay": right(), "slow": LATE, "repeat": right(), "lose": LATE, "cut": LOST,
        "flip": LATE,
    },
    "feig-serial": {
        "chop": right(), "delay": right(), "slow": LATE, "repeat": right(), "lose": LATE, "cut": SERIAL_CUT,
        "flip": LATE,
    },
    "3m-tcp": {
        "chop": right(), "delay": right(), "slow": LATE, "repeat": right(), "lose": LATE, "cut": LOST,
        "flip": LATE,
    },
    "3m-serial": {
        "chop": right(), "delay": right(), "slow": LATE, "repeat": right(), "lose": LATE, "cut": SERIAL_CUT,
        "flip": LATE,
    },
    "llrp": {
        "chop": right(), "delay": right(), "slow": right(), "repeat": right(),
        "lose": or_error("DeviceTimeout"), "cut": or_error("DeviceLost"),
    },
    "scanner": {
        "chop": right(), "delay": right(), "slow": right(),
        "repeat": right("right; a code may come twice"),
        "lose": right("right, or nothing: a scanner expects no answer"),
        "cut": or_error("CodeRefused", words="right, or nothing; halves that meet are refused by length and check"),
        "flip": or_error("CodeRefused", words="right, or refused by its check digit"),
    },
    "pcsc": {
        "chop": right(), "delay": right(), "slow": LATE,
        "cut": or_error("TagGone", "DeviceLost", "DeviceRefused", "unknown"),
    },
}  # fmt: skip
"""Driver -> fault -> outcome. What is not here cannot be: TCP loses and flips nothing within a stream whose
frames carry no check (LLRP), and USB repeats nothing (PC/SC)."""

ODDITIES: dict[str, dict[str, tuple[str, Outcome]]] = {
    "feig-tcp": {
        "standard": ("knows standard frames alone", right()),
        "itself": ("tells block size and count themselves, not less one", right()),
        "late": ("an answer comes after it was given up", LATE),
        "twice": ("answers come twice", right()),
        "crc": ("the CRC of an answer is wrong", LATE),
        "unknown-2C": ("does not know command 2C (locks)", right()),
    },
    "3m-tcp": {
        "810": ("knows no tag info (an 810)", right()),
        "late": ("an answer comes after it was given up", LATE),
        "twice": ("answers come twice", right()),
        "crc": ("the CRC of an answer is wrong", LATE),
    },
    "llrp": {
        "1.0.1": ("refuses the question for its version (2010)", right()),
        "odd": ("puts unknown messages and parameters between", right()),
        "cut": ("closes in the middle of a report", or_error("DeviceLost")),
        "busy": ("has another client", or_error("DeviceRefused")),
        "silent": ("takes everything and says nothing", or_error("DeviceTimeout")),
    },
    "scanner": {
        "cr": ("ends codes with CR alone", right()),
        "lf": ("ends codes with LF alone", right()),
        "noise": ("sends rubbish longer than any code", right("right; the rubbish is dropped")),
    },
    "pcsc": {
        "deaf": ("says 6401 to writes that were done", right()),
        "lsb": ("tells the UID lowest byte first", right()),
        "cap": ("reads 4 bytes at a time at most", right()),
    },
}
"""Driver -> oddity of a firmware -> words and outcome."""


def markdown() -> str:
    """Return the page."""
    lines = [
        "# Drivers and faults", "",
        "What each driver makes of a bad cable and of an odd firmware. Made from",
        "`tests/firmware_bridge/fault_outcomes.py` by `make docs`; `test_driver_faults.py` holds every cell against",
        "the simulated device behind that cable: a value is right, or it does not come and an error with a name",
        "says why. A wrong value or a hang is a failed test. After each fault the cable is mended, and the driver",
        "must work again by itself. *unknown*: whether a write reached the tag could not be read back, and is told",
        "so. `python -m tests.firmware_bridge.fault_table` prints how often each came.", "",
        "## Cables", "",
        "| fault | " + " | ".join(DRIVERS.values()) + " |",
        "|---|" + "---|" * len(DRIVERS),
    ]  # fmt: skip
    for name, (words, _) in CABLES.items():
        cells = [CABLE_OUTCOMES[driver].get(name) for driver in DRIVERS]
        lines.append(f"| {words} | " + " | ".join("–" if one is None else one.words for one in cells) + " |")
    lines += [
        "", "–: cannot be. LLRP runs over TCP, which flips nothing, and its frames carry no check of their own;",
        "a USB reader repeats, loses and flips nothing, because USB numbers and checks its packets.", "",
        "## Firmware", "", "| driver | what the device does | outcome |", "|---|---|---|",
    ]  # fmt: skip
    for driver, oddities in ODDITIES.items():
        lines += [f"| {DRIVERS[driver]} | {words} | {one.words} |" for words, one in oddities.values()]
    return "\n".join(lines) + "\n"
