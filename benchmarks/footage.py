"""`python -m benchmarks.footage`."""

import sys

from benchmarks.host.footage import main

if __name__ == "__main__":
    sys.exit(main())
