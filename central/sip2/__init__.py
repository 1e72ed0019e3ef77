"""SIP2 2.00: the words that kiosks and library systems have spoken since 1997, as a pure codec.

Lenient on reading, strict on writing. `fields` says what a field looks like in bytes, `messages` has all 31
messages as typed values, `codec` turns a message into a frame and back, `framing` cuts a stream of bytes
into frames. Nothing here waits, opens or stores anything.
"""
