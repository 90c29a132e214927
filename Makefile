.DEFAULT_GOAL := help
READY := .venv/.ready

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Make .venv from the lock, without root; PYTHON=... picks the interpreter
	scripts/setup.sh

# Whatever needs .venv gets it, and anew when the lock has changed.
$(READY): uv.lock pyproject.toml scripts/setup.sh
	scripts/setup.sh

.PHONY: test
test: $(READY) ## Run the tests; ARGS="-k lstm" goes to pytest
	.venv/bin/pytest $(ARGS)

.PHONY: lint
lint: $(READY) ## Check style, formatting and types
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

.PHONY: benchmark-models
benchmark-models: $(READY) ## Time the models with pytest-benchmark
	OPENBLAS_NUM_THREADS=1 .venv/bin/pytest -o addopts=-ra tests/benchmarks --benchmark-only --benchmark-name=short \
		--benchmark-group-by=group --benchmark-sort=min --benchmark-columns=median,iqr,rounds $(ARGS)

.PHONY: doctor
doctor: $(READY) ## Tell what Theano finds on this machine and what is missing
	.venv/bin/python -m lxmls_rnn.doctor
