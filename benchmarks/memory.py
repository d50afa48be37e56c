"""`python -m benchmarks.memory`."""

import sys

from benchmarks.host.memory import main

if __name__ == "__main__":
    sys.exit(main())
