"""Alarms after ISA-18.2: conditions, the life cycle of one alarm, and the book of all. Pure."""
