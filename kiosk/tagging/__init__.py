"""The tag station: item tags read, written, verified, locked and counted, one after another on a pad.

It never damages a tag: what it does not know it refuses, what is locked it leaves alone, and every write is
noted on disk before it begins and read back after it ended.
"""
