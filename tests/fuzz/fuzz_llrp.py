"""LLRP messages, cut and flipped; half of them with their length right."""

from firmware_bridge.explain import llrp, llrp_body
from firmware_bridge.llrp import reports
from firmware_bridge.llrp.codec import Framer, MalformedError

SEEDS = (
    bytes.fromhex("043f000000200ab288c900f600160080000c0004f8535baadaff010000060000"),
    bytes.fromhex("043d0000002c4095892f00f000228d3005fb63ac1f3841ec88046781000186ce820004ec2ea8354c09880001"),
    bytes.fromhex(
        "0414000000700000000700b1006600000001000000b2001200b300050100b60009000000000000b700380001000100b8"
        "0009000000000000ba002700010100de0020000100e0000a000100010004014a0010000150000b8000040000000000ed"
        "001201000000ee000b1580015c000500"
    ),
)


def fix(data: bytes) -> bytes:
    """Set the length of the message right."""
    return data[:2] + len(data).to_bytes(4) + data[6:] if len(data) >= 10 else data


def decode(data: bytes) -> object:
    """Explain as messages and as a body, cut as a stream, read as reports."""
    try:
        found = list(Framer().feed(data))
        reports.tags(data)
    except MalformedError as error:
        found = [error]
    return llrp.explain(data), llrp_body.explain(data), found
