"""Who may connect: an identity, its role, and the branches it may look at."""

from typing import Literal, get_args

Role = Literal["station", "central", "operator", "viewer", "observer"]
ROLES: tuple[Role, ...] = get_args(Role)

OBSERVER = "observer"
"""Reads every topic, patrons' cards included, and writes none. Made for the demo and for tests, whose
patrons are simulated; the command line does not offer it."""

CENTRAL = "central"
"""The one identity of the service."""

READING_VERBS = ("cases", "history", "parked", "stations")
"""Requests below `req/<identity>/` that change nothing: all that a viewer may send."""

EVERY_BRANCH = "*"
"""The scope of an identity that may look at every branch."""
