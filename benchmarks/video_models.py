"""`python -m benchmarks.video_models`."""

import sys

from benchmarks.host.video_models import main

if __name__ == "__main__":
    sys.exit(main())
