"""Both ends of a stream as pure steps (docs/streams.md): `station` and `central`.

They know neither disk nor network nor clock; `wire.edge` and `wire.uplink` carry out the one,
the desk of the central service the other.
"""
