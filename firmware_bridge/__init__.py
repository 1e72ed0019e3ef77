"""Bytes <-> meaning for devices: readers, tags, cards, gate hardware.

Each driver has a core without I/O, tested byte by byte, and a thin shell over a transport. Applications
see the ports of `firmware_bridge.ports` and the values of `firmware_bridge.tags`, never a vendor's frame.
"""
