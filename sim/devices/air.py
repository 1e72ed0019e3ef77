"""How long an exchange with an ISO 15693 tag takes in the air, from the bit rates of ISO/IEC 15693-2 and -3.

Reader to tag: 1 out of 4 coding, 26.48 kbit/s. Tag to reader: one subcarrier, high data rate, 26.48 kbit/s.
An inventory counts as one round of 16 slots in which no two tags meet, which is the least it can take.
"""

CARRIER_HZ = 13_560_000
BYTE_S = 8 * 512 / CARRIER_HZ
"""A byte in either direction: 302.06 us."""
REQUEST_ENDS_S = (1024 + 512) / CARRIER_HZ
"""SOF and EOF of a request, 75.52 and 37.76 us."""
RESPONSE_ENDS_S = 2 * 2048 / CARRIER_HZ
"""SOF and EOF of a response, 151.04 us each."""
SLOT_END_S = 512 / CARRIER_HZ
T1_S = 4352 / CARRIER_HZ
"""From the request's end to the response, 320.9 us."""
T2_S = 4192 / CARRIER_HZ
"""From the response to the next request, 309.2 us."""
T3_S = (4384 + 2048) / CARRIER_HZ
"""How long an empty slot is waited for: longest t1 and a SOF."""
PROGRAM_S = 17 * 4096 / CARRIER_HZ
"""A write, in the grid of 302 us in which the answer may come; ISO allows 20 ms, this is an ICODE's usual
5 ms (unverified)."""
SLOTS = 16


def exchange_s(request: int, response: int, *, writes: int = 0) -> float:
    """Return the seconds of one exchange; lengths in bytes with flags and CRC, `writes` blocks programmed."""
    there = REQUEST_ENDS_S + request * BYTE_S
    back = RESPONSE_ENDS_S + response * BYTE_S
    return there + T1_S + writes * PROGRAM_S + back + T2_S


def inventory_s(tags: int) -> float:
    """Return the seconds of one inventory of 16 slots that `tags` tags answer, each in a slot of its own."""
    request, response = 5, 12
    answered = min(tags, SLOTS) * (T1_S + RESPONSE_ENDS_S + response * BYTE_S + T2_S)
    return (
        REQUEST_ENDS_S + request * BYTE_S + answered + (SLOTS - min(tags, SLOTS)) * T3_S + SLOTS * SLOT_END_S
    )
