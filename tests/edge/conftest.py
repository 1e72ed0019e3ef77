"""Lets the tests of the edge say `from edge_world import ...`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
