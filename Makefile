# `make demo` and `make test` do all the set-up that they need; the rest is for developers.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready

.PHONY: demo test lint bench format compile lock clean

demo: $(READY)  ## distil the demo's classifier, from data to report
	$(BIN)/spectral-distill run --settings examples/demo.yaml

test: $(READY)  ## the whole test suite
	$(BIN)/pytest

lint: $(READY)  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)  ## every measured comparison; hours on two cores, and nothing else may run
	for benchmark in spectra distillation whole_graph large_teacher; do $(BIN)/python benchmarks/$$benchmark.py || exit; done

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

compile: $(READY)  ## write pipeline.yaml and docs/settings.md anew
	$(BIN)/spectral-distill compile --output pipeline.yaml --settings-page docs/settings.md

lock: $(READY)  ## resolve requirements.lock anew from pyproject.toml
	$(BIN)/pip-compile --quiet --extra demo --extra dev --upgrade --strip-extras --no-annotate --no-header \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file requirements.lock pyproject.toml
	sed -i 's/^\(torch==[0-9.]*\)+cpu/\1/' requirements.lock  # each machine takes its own build of torch

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache .mypy_cache

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@
