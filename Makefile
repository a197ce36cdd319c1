# `make demo` and `make test` do all the set-up that they need; the rest is for developers.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

# Of the image: `make image VARIANT=cuda IMAGE=registry/name:tag`, or with podman.
DOCKER ?= docker
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
IMAGE ?= spectral-distill-python:$(VERSION)
VARIANT ?= cpu
IMAGE_OPTIONS ?=  # further options of `docker build`; containers/README.md
# Where locks find torch without CUDA; a folder of wheels does as well: --find-links DIR
TORCH_CPU ?= --torch-backend cpu
LOCK = $(BIN)/uv pip compile pyproject.toml --quiet --python-version 3.11 --no-annotate --no-header

READY = $(VENV)/.ready

READY_FOR_DOCS = $(VENV)/.ready-for-docs

.PHONY: demo test acceptance lint docs bench format compile image lock clean

demo: $(READY)  ## distil the demo's classifier, from data to report
	$(BIN)/spectral-distill run --settings examples/demo.yaml

test: $(READY)  ## the whole test suite; nothing of it needs a cluster
	$(BIN)/pytest -m "not cluster"

acceptance: $(READY)  ## checks of the cluster at KF_PIPELINES_ENDPOINT; tests/cluster_acceptance/README.md
	$(BIN)/pytest -m cluster --capture no -v --confcutdir tests/cluster_acceptance tests/cluster_acceptance

lint: $(READY)  ## style, types, layers, declared dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

docs: $(READY_FOR_DOCS)  ## the documentation site, into build/site; warnings are errors
	$(BIN)/mkdocs build --strict

bench: $(READY)  ## every measured comparison; hours on two cores, and nothing else may run
	for benchmark in spectra distillation whole_graph large_teacher; do $(BIN)/python benchmarks/$$benchmark.py || exit; done

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

compile: $(READY)  ## write pipeline.yaml and docs/settings.md anew
	$(BIN)/spectral-distill compile --output pipeline.yaml --settings-page docs/settings.md

image:  ## build the container image; report its size and layers
	@DOCKER="$(DOCKER)" containers/can_build.sh
	DOCKER_BUILDKIT=1 $(DOCKER) build --file containers/Containerfile --tag $(IMAGE) --build-arg VARIANT=$(VARIANT) \
		--build-arg VERSION=$(VERSION) \
		--build-arg REVISION=$$(git describe --always --abbrev=40 --exclude '*' --dirty) \
		--build-arg SOURCE=$$(git config --get remote.origin.url | sed -En 's#^(https?://)([^/@]*@)?#\1#p') $(IMAGE_OPTIONS) .
	$(DOCKER) image inspect --format '$(IMAGE): {{.Size}} bytes, {{.Id}}' $(IMAGE)
	$(DOCKER) history --format 'table {{.Size}}\t{{.CreatedBy}}' $(IMAGE)

lock: $(READY)  ## resolve requirements.lock and the image's requirements anew from pyproject.toml
	$(LOCK) --extra all --extra demo --extra dev --upgrade $(TORCH_CPU) --output-file requirements.lock
	sed -i 's/^\(torch==[0-9.]*\)+cpu/\1/' requirements.lock  # each machine takes its own build of torch
	for variant in cpu cuda; do \
		$(LOCK) --extra all --extra demo --generate-hashes --constraint requirements.lock --python-platform x86_64-manylinux_2_28 \
			$$(test $$variant = cuda || echo "$(TORCH_CPU)") --output-file containers/requirements-$$variant.txt || exit; \
	done
	echo setuptools | $(BIN)/uv pip compile - --quiet --no-annotate --no-header --generate-hashes \
		--constraint containers/requirements-cpu.txt --output-file containers/requirements-build.txt

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache .mypy_cache

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

# The site's tools come on top, so that `make test` does not wait for them.
$(READY_FOR_DOCS): $(READY)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[docs]'
	touch $@
