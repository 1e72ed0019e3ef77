"""Item tags of ISO 28560-2, and every compaction."""

from firmware_bridge.explain import isil as explain_isil
from firmware_bridge.explain import iso15962 as explain_bare
from firmware_bridge.explain import iso28560_2 as explain_tag

SEEDS = (
    bytes.fromhex("9100051cbe991a140201d0140204b34607441cb6e2e335d6830207acc09ebaa06f6b0000"),
    bytes.fromhex("9100051cbe991a140202d002140204b3c60207441cb6e2e335d600000307acc09ebaa06f6b7f020474657374"),
    bytes.fromhex("9100051cbe991a14"),
    bytes.fromhex("21408e16bf1f"),
)


def decode(data: bytes) -> object:
    """Explain as a tag, as bare text of each code, and as an ISIL."""
    bare = [explain_bare.explain(data, compaction=code) for code in range(8)]
    return explain_tag.explain(data), explain_bare.explain(data), bare, explain_isil.explain(data)
