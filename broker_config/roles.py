"""Who may connect: an identity, its role, and the branches it may look at."""

from typing import Literal, get_args

Role = Literal["station", "central", "operator", "viewer"]
ROLES: tuple[Role, ...] = get_args(Role)

CENTRAL = "central"
"""The one identity of the service."""

READING_VERBS = ("cases", "history", "parked", "stations")
"""Requests below `req/<identity>/` that change nothing: all that a viewer may send."""

EVERY_BRANCH = "*"
"""The scope of an identity that may look at every branch."""
