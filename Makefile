# Two commands: `make demo` and `make test`. Each does all of its own set-up.
PYTHON ?= python3
PY := .venv/bin/python
# `make test WORKERS=2` runs the tests in two processes, each with a ComfyUI of its own: faster, for twice the memory
# (up to 8 GB each).
WORKERS ?= 0
# Root on Debian gets a package that is missing; true where that went well.
INSTALL = [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq \
	&& DEBIAN_FRONTEND=noninteractive apt-get install -y -qq >/dev/null
CAN_VENV = $(PYTHON) -c "import ensurepip, venv" 2>/dev/null

.PHONY: demo test setup chromium workflows docs clean

demo: .venv/.demo
	$(PY) -m demo $(ARGS)

test: setup chromium
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m basedpyright --level error
	cd tests && ../$(PY) -m pytest -n $(WORKERS) --dist loadfile

setup: .venv/.installed

# Debian keeps a half of venv in a package of its own, and `-m venv` fails without it.
.venv/.demo: requirements-demo.txt
	@$(CAN_VENV) || { $(INSTALL) python3-venv; }; $(CAN_VENV) \
	  || { echo "make: $(PYTHON) cannot make a .venv: install the package python3-venv, then try again" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-demo.txt
	touch $@

.venv/.installed: requirements-dev.txt .venv/.demo
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

# The browser tests need a Chromium. Root on Debian gets it here; anyone else sees those tests skip with the reason.
chromium:
	@command -v chromium >/dev/null || { $(INSTALL) chromium; } \
	  || echo "make: no chromium and no right to install it: the browser tests will skip"

workflows: setup
	$(PY) tools/workflows/build.py

docs: setup
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict

clean:
	rm -rf .venv demo/out site
