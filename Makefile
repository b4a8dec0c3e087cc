# `make demo` needs nothing but python3 and pip (and the network, once); `make test` also brings a browser and Node.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check -q

.PHONY: demo test test-long lint bench docs lock clean

demo: $(VENV)/.demo
	@$(BIN)/muniment demo

# Three at a time on two processors: many tests wait for what other processes do.
test: $(VENV)/.test $(VENV)/.second $(VENV)/.system $(VENV)/.engine lint
	$(BIN)/python -m pytest -n 3 --dist worksteal

test-long: $(VENV)/.test $(VENV)/.second $(VENV)/.system $(VENV)/.engine lint
	$(BIN)/python -m pytest -n 3 --dist worksteal --long

lint: $(VENV)/.test
	$(BIN)/ruff check -q .
	$(BIN)/ruff format -q --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(VENV)/.test
	$(BIN)/python -m bench

# The reference of events, the published vectors and the forms in the verification script are written by the code that they describe,
# the messages of ABCI by protoc.
docs: $(VENV)/.test
	$(BIN)/python tools/event_reference.py
	$(BIN)/python tools/vectors.py
	$(BIN)/python tools/script_vocabulary.py
	$(BIN)/python tools/abci_messages.py

# Each environment is complete by its lock alone: pinned, hashed, without the address of any index.
$(VENV)/.demo: requirements/demo.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r requirements/demo.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q src
	@touch $@

$(VENV)/.test: requirements/test.lock requirements/demo.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r requirements/test.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q src
	@touch $@ $(VENV)/.demo

# Another Python beside the first one, for the tests that replay a ledger under two of them.
$(VENV)/.second: requirements/runtime.lock tools/second_python.py
	$(PYTHON) tools/second_python.py $(VENV)/second
	@touch $@

# A browser and Node, which no Python package brings.
$(VENV)/.system: tools/system_packages.py
	$(PYTHON) tools/system_packages.py
	@touch $@

# CometBFT, which the tests of a consortium run; its own installer builds it, with Go or without.
$(VENV)/.engine: $(VENV)/.test src/muniment/node/engine/release.py
	$(BIN)/muniment engine install
	@touch $@

LOCK = $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

lock:
	$(PYTHON) -m venv $(VENV)
	$(PIP) install uv
	$(LOCK) pyproject.toml --group build -o requirements/runtime.lock
	$(LOCK) pyproject.toml --group build --extra demo --extra consortium -o requirements/demo.lock
	$(LOCK) pyproject.toml --group build --extra server -o requirements/server.lock
	$(LOCK) pyproject.toml --group build --extra consortium -o requirements/consortium.lock
	$(LOCK) pyproject.toml --group build --extra demo --extra consortium --group test -o requirements/test.lock
	$(LOCK) --group go -o requirements/go.lock
	cp requirements/go.lock src/muniment/node/engine/go.lock

clean:
	rm -rf $(VENV) .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist demo example answer.json
