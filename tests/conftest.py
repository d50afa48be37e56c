"""The pack as ComfyUI imports it: a package of the repository's folder, whatever that folder's name is.

So tests import modules that need no ComfyUI: `from unsampling_pack.host import record`.
"""

import os
import signal
import sys
from importlib import util
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:
    # one thread for each process of tests, and for the servers that it starts: two that share the cores wait
    # for each other at every sum. Torch reads it when it is imported.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # as in a shell's background: the programs that tests start would not hear Ctrl+C either
    signal.signal(signal.SIGINT, signal.default_int_handler)

PACK = "unsampling_pack"
ROOT = Path(__file__).resolve().parents[1]

_spec = util.spec_from_file_location(PACK, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
sys.modules[PACK] = util.module_from_spec(_spec)
_spec.loader.exec_module(sys.modules[PACK])
