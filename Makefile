# Everything a fresh machine needs is Python 3.11 or newer, git and a package registry; all that is made
# here stands in .make/ and can be deleted at any time.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:

PYTHON ?= $(shell for python in python3 python python3.11 python3.12 python3.13 python3.14; do \
	"$$python" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; \
	done)

MADE := .make
TOOLS := $(MADE)/venv
WHEEL := $(MADE)/wheel
EMPTY := $(MADE)/wheel-venv
SDKS := $(MADE)/sdks-venv
export CATALOG_SDK_PYTHON ?= $(CURDIR)/$(SDKS)/bin/python
PIP_FLAGS := -qq --disable-pip-version-check --no-input
SOURCES := $(shell find catalog_tool schemas -type f -not -name '*.pyc' 2>/dev/null) README.md LICENSE

.PHONY: help demo test test-wheel test-source soak bench lint wheel clean

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1 ············ \2/p' Makefile | sed 's/^\(.\{20\}\)·* */\1 /; s/·/ /g'

demo: $(MADE)/installed.stamp ## install the package into an empty environment and run it on this repository
	@PATH="$(CURDIR)/$(EMPTY)/bin:$$PATH" tests/demo.sh $(MADE)/demo

# One after the other, whatever -j says, and the source's tests last: their closing line is the verdict.
test: ## everything that CI asks for: lint, types, floors, the wheel's command line, all tests
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory test-wheel
	@$(MAKE) --no-print-directory test-source

test-wheel: $(MADE)/wheel-tests.stamp ## the command line's tests against the installed wheel
	@echo "== tests of the command line, against the wheel"
	@CATALOG_WHEEL=1 $(EMPTY)/bin/pytest -q -n 2 -p no:cacheprovider tests/cli

test-source: $(MADE)/tools.stamp $(MADE)/sdks.stamp $(MADE)/installed.stamp ## all other tests, against the source; workflows run the wheel
	@echo "== tests of the source"
	@CATALOG_WHEEL_BIN="$(CURDIR)/$(EMPTY)/bin" $(TOOLS)/bin/python -m pytest -q -n 2 --ignore tests/cli tests

soak: $(MADE)/tools.stamp $(MADE)/sdks.stamp ## the long trials, with their full numbers; takes hours
	@CATALOG_SOAK=1 $(TOOLS)/bin/python -m pytest -n 2 tests

bench: $(MADE)/tools.stamp $(MADE)/sdks.stamp ## how fast it is, each number as a ratio to a floor measured in the same run
	@$(TOOLS)/bin/python -m tests.bench

lint: $(MADE)/tools.stamp ## ruff, mypy and the import floors
	@echo "== ruff, mypy, import floors"
	@$(TOOLS)/bin/ruff check --quiet .
	@$(TOOLS)/bin/ruff format --quiet --check .
	@$(TOOLS)/bin/mypy --no-error-summary
	@$(TOOLS)/bin/lint-imports >$(MADE)/floors.log || { cat $(MADE)/floors.log; exit 1; }

wheel: $(MADE)/wheel.stamp ## build the wheel into .make/wheel
	@ls $(WHEEL)/*.whl

clean: ## remove what was made here
	rm -rf $(MADE)

# The environment for work on the source.
$(MADE)/tools.stamp: pyproject.toml
	$(call need_python)
	@echo "== setting up $(TOOLS)"
	@rm -rf $(TOOLS) && "$(PYTHON)" -m venv $(TOOLS)
	@$(TOOLS)/bin/python -m pip install $(PIP_FLAGS) --upgrade 'pip>=25.1'
	@$(TOOLS)/bin/python -m pip install $(PIP_FLAGS) --editable '.[jinja]' --group dev --group platforms
	@touch $@

# What the client's traces are tried with, away from the tools: it would bring plugins into every run of pytest.
$(MADE)/sdks.stamp: $(MADE)/tools.stamp
	@echo "== setting up $(SDKS)"
	@rm -rf $(SDKS) && "$(PYTHON)" -m venv --without-pip $(SDKS)
	@$(TOOLS)/bin/python -m pip --python $(SDKS) install $(PIP_FLAGS) --no-compile --group sdks
	@$(TOOLS)/bin/python -m pip --python $(SDKS) install $(PIP_FLAGS) --no-compile --no-deps --group sdks-alone
	@touch $@

# The wheel, and an environment that holds the wheel, what it asks for, and nothing else.
$(MADE)/wheel.stamp: pyproject.toml $(SOURCES)
	$(call need_python)
	@echo "== building the wheel"
	@rm -rf $(WHEEL) $(EMPTY) && "$(PYTHON)" -m venv $(EMPTY)
	@$(EMPTY)/bin/python -m pip wheel $(PIP_FLAGS) --no-deps --wheel-dir $(WHEEL) .
	@touch $@

$(MADE)/installed.stamp: $(MADE)/wheel.stamp
	@echo "== installing the wheel into $(EMPTY)"
	@$(EMPTY)/bin/python -m pip install $(PIP_FLAGS) $(WHEEL)/*.whl
	@$(EMPTY)/bin/python -m pip $(PIP_FLAGS) check
	@touch $@

# Before anything else is installed beside the wheel, it must run on what it asks for itself.
$(MADE)/wheel-tests.stamp: $(MADE)/installed.stamp
	@$(EMPTY)/bin/catalog validate >/dev/null
	@$(EMPTY)/bin/catalog schema prompt >/dev/null
	@$(EMPTY)/bin/python -m pip install $(PIP_FLAGS) 'pytest>=8.3' 'pytest-xdist>=3.6' 'hypothesis>=6.120'
	@touch $@

define need_python
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer was not found; name it with make PYTHON=…" >&2; exit 1; }
	@mkdir -p $(MADE)
endef
