"""`python -m telling_station kiosk|gate|bin run ...`: the command as it is; at SIGUSR1 it tells what it has loaded.

Written to the file TURNLEAF_MODULES: the names of all modules, and pydantic's plugins.
"""

import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType


def tell(_number: int, _frame: FrameType | None) -> None:
    """Write down what is loaded now."""
    modules = sorted(sys.modules)
    from pydantic.plugin._loader import get_plugins

    told = Path(os.environ["TURNLEAF_MODULES"])
    fresh = told.with_suffix(".new")
    fresh.write_text(json.dumps({"modules": modules, "plugins": [repr(one) for one in get_plugins()]}))
    fresh.replace(told)


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, tell)
    from turnleaf.cli import main

    sys.exit(main(sys.argv[1:]))
