"""3M RFID readers 210 and 810, pads on a serial line: frames, commands, and the driver over them."""
