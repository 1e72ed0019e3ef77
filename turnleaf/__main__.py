"""`python -m turnleaf` is the command `turnleaf`."""

import sys

from turnleaf.cli import main

if __name__ == "__main__":
    sys.exit(main())
