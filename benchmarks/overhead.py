"""`python -m benchmarks.overhead`."""

import sys

from benchmarks.host.overhead import main

if __name__ == "__main__":
    sys.exit(main())
