"""The demo: both passes of the engine with a small trained video model of a world whose answers are known."""

import os

# Before torch is loaded: its threads may wait for each other awake, for a moment only. Without it they
# are half as fast, and with the usual long one five times slower once something else keeps a core busy.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
