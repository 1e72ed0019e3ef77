"""The world without devices: tags, pads, cards, gates, printers, patrons, faults.

Only the far end of each cable is simulated: the bytes are the real ones, and the production drivers
speak to them. Nothing but the `turnleaf` command and the tests imports this package.
"""
