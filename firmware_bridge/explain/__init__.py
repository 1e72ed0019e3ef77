"""Bytes of a capture in words: one module a kind, each with `explain(data, **options) -> Explained`.

Every explainer is pure, takes any bytes, and never raises: what is wrong is a `Problem` with the offset of
the first wrong byte. `firmware_bridge.explain.auto` asks them all and says how sure it is.
"""

import importlib
import importlib.util
from collections.abc import Callable
from functools import cache
from typing import Final

from firmware_bridge.explained import Explained

Explain = Callable[..., Explained]

KINDS: Final[dict[str, tuple[str, str]]] = {
    "iso28560-2": ("iso28560_2", "item tag, ISO 28560-2 data sets (ISO/IEC 15962, no directory)"),
    "iso28560-3": ("iso28560_3", "item tag, ISO 28560-3 (the Danish model)"),
    "iso28560-4-epc": ("iso28560_4_epc", "UHF item tag, EPC bank: PC word and UII (ISO/TS 28560-4)"),
    "iso28560-4-user": ("iso28560_4_user", "UHF item tag, user bank MB11 (ISO/TS 28560-4)"),
    "code40": ("code40", "URN Code 40 text (ISO/IEC 15962)"),
    "iso15962": ("iso15962", "bare compacted bytes (ISO/IEC 15962); say --compaction N"),
    "isil": ("isil", "bare ISIL, compacted (ISO 28560-2 Annex C)"),
    "feig": ("feig", "frame of a FEIG reader (OBID ISO host)"),
    "3m": ("threem", "frame of a 3M 210/810 reader"),
    "llrp": ("llrp", "LLRP messages with their headers"),
    "llrp-body": ("llrp_body", "body of an LLRP message, without its header; --type N names the message"),
    "apdu": ("apdu", "APDU to a card or reader, or its response (ISO 7816-4, PC/SC part 3)"),
    "atr": ("atr", "answer to reset of a card (PC/SC part 3)"),
    "iso15693": ("iso15693", "request or response of ISO/IEC 15693-3"),
    "3m501": ("legacy_3m501", "item tag, legacy 3M layout"),
    "gen2-crc": ("gen2_crc", "words of a Gen2 tag; says their StoredCRC"),
}
"""Kind -> the module here that explains it, and a line of help."""


@cache
def available() -> dict[str, str]:
    """Return the kinds that can be explained here, each with its line of help, without loading them."""
    return {
        kind: line
        for kind, (module, line) in KINDS.items()
        if importlib.util.find_spec(f"{__name__}.{module}") is not None
    }


def explainer(kind: str) -> Explain:
    """Return the explainer of a kind, loading its module alone; raises KeyError."""
    module = importlib.import_module(f"{__name__}.{KINDS[kind][0]}")
    found: Explain = module.explain
    return found
