# `make run` serves the app, `make test` runs every check and test, `make train` runs the main job in the terminal.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 7860
WORKERS ?= 2

.PHONY: run train test check lint clean

run: $(VENV)/.installed
	$(BIN)/python app.py --port $(PORT)

train: $(VENV)/.installed
	$(BIN)/python -m tuner train

test: $(VENV)/.installed-dev chromium lint check

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

check: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --durations 25

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

# The browser tests drive a real Chromium: Debian's package where it can be installed, else a plain sentence.
.PHONY: chromium
chromium:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	  else \
	    echo "The browser tests need Chromium. Install it: on Debian 'sudo apt-get install chromium'." >&2; exit 1; \
	  fi; }

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache tests/screenshots
