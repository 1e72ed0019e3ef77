"""The device ends of the cables: the protocols of the drivers, turned around, byte for byte."""
