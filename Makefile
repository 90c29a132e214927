.DEFAULT_GOAL := help
READY := .venv/.ready
# Images often set it; each of the many processes of the tests would then compile Theano's Python code anew.
export PYTHONDONTWRITEBYTECODE =

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Make .venv from the lock, without root; PYTHON=... picks the interpreter (uv: downloads one), WITH=torch PyTorch, PYGPU=... what make pygpu has built
	scripts/setup.sh

# Whatever needs .venv gets it, and anew when the lock has changed. Of which Python it is, setup.sh looks where one is named.
$(READY): uv.lock pyproject.toml scripts/setup.sh $(wildcard $(addprefix packages/theano/,*.toml *.pth theano_build/*.py theano_build/*/*.py theano_runtime/*.py))
	scripts/setup.sh
ifdef PYTHON
.PHONY: $(READY)
endif

PYTEST := .venv/bin/pytest -n auto --maxprocesses 4 --dist worksteal
QUICK := -m "not daily and not nightly"
UNLIMITED := -o faulthandler_timeout=0  # building an image takes longer than pyproject.toml allows a test

# The C++ compiler takes a third of the time without its optimiser; test_fused_steps has it.
test test-daily test-frameworks test-slow: export THEANO_FLAGS ?= gcc.cxxflags=-O0

.PHONY: test
test: $(READY) ## Run the tests that most changes need; ARGS="-k lstm" goes to pytest
	@.venv/bin/python -c 'from lxmls_rnn import doctor; doctor.require_compiler()'
	$(PYTEST) -rfE $(QUICK) $(ARGS)

.PHONY: test-daily
test-daily: $(READY) ## Run the tests that take too long for "make test"
	$(PYTEST) -m "daily and not nightly" $(ARGS)

.PHONY: test-frameworks
test-frameworks: $(READY) ## Run the tests of what PyTorch computes, which make setup WITH=torch installs
	$(PYTEST) $(QUICK) -k "torch or frameworks" tests/deep_learning tests/teaching tests/benchmark \
		tests/export tests/lab tests/cli tests/classroom tests/test_lab_guide.py tests/test_where_theano_went.py $(ARGS)

.PHONY: test-slow
test-slow: $(READY) ## Run the tests of "make test" while Pythons, forks and threads start a second late, as on a busy machine
	PYTHONPATH=$(CURDIR)/tests/slow_machine $(PYTEST) -rfE $(QUICK) $(ARGS)

.PHONY: test-repeated
test-repeated: $(READY)
	PATH="$$PATH:.uv/bin" UV_PROJECT_ENVIRONMENT=.venv \
		uv sync -q --locked --inexact --only-group ptxas --only-group newest-cuda --python .venv/bin/python
	$(PYTEST) -m nightly $(ARGS)
	$(PYTEST) -m nightly tests/browser $(ARGS)
	.venv/bin/pytest $(UNLIMITED) -m nightly tests/container $(ARGS)

.PHONY: test-nightly
test-nightly: test-repeated test-slow ## Run what repeats a test on another base, size, framework, card or compiler, and test-slow

.PHONY: test-all
test-all: test test-daily test-browser test-container test-nightly ## Run all tests; needs Chromium and a Docker engine that runs

# These run in the lab's container where it has the GPU; HERE=yes keeps them in .venv.
AT_GPU = @MAKE="$(MAKE)" HERE=$(HERE) scripts/where-the-gpu-is.sh

.PHONY: test-gpu
test-gpu: ## Run the GPU tests on an NVIDIA GPU, in the lab's container where it has the GPU
	$(AT_GPU) env LXMLS_DEVICE=cuda LXMLS_TEST_DEVICE=cuda \
		sh -c 'says=$$(python -m lxmls_rnn.device) || { echo "$$says" | head -1; exit 1; }; exec pytest tests/gpu $(ARGS)'

.PHONY: lint
lint: $(READY) ## Check style, formatting, types, scripts, Dockerfiles and workflows
	.venv/bin/pre-commit run --all-files

.PHONY: format
format: $(READY) ## Put imports and formatting in order
	.venv/bin/ruff check --select I --fix
	.venv/bin/ruff format

.PHONY: bench
bench: ## Time CPU against GPU, NumPy against Theano and PyTorch, where the GPU is; some minutes; ARGS="--work step" goes to it
	$(AT_GPU) lxmls-rnn bench $(ARGS)

.PHONY: bench-full
bench-full: ## Time the whole grid of sizes, where the GPU is; goes on where it was stopped
	$(AT_GPU) lxmls-rnn bench --set full --time 0.5 --out results/full.json --resume $(ARGS)

DIST_UV = PATH="$$PATH:.uv/bin" uv

.PHONY: dist
dist: docs ## Write an sdist and a wheel of the library with its documentation, a wheel of its Theano: pip install --find-links dist lxmls-rnn[theano]
	rm -f dist/lxmls_rnn-* dist/theano-*
	$(DIST_UV) build -q --out-dir dist
	$(DIST_UV) export -q --frozen --no-default-groups --extra theano --no-emit-project | sed -n '/^theano==/,/[^\\]$$/p' >dist/theano.txt
	$(DIST_UV) tool run -q --python .venv/bin/python --with setuptools --with ./packages/theano \
		pip wheel -q --no-cache-dir --no-build-isolation --no-deps --wheel-dir dist --requirement dist/theano.txt
	rm dist/theano.txt dist/.gitignore
	@ls dist

.PHONY: docs
docs: $(READY) ## Build the documentation site, build/site/index.html; warnings are errors
	UV_PROJECT_ENVIRONMENT=.venv $(DIST_UV) sync -q --locked --inexact --group docs --python .venv/bin/python
	@$(MAKE) --no-print-directory site WARNINGS="-W --keep-going"
	.venv/bin/python scripts/check_site.py build/site
	@echo "The site is in build/site/index.html."

# what the image makes of the locked packages that are in it
.PHONY: site
site:
	rm -rf build/site build/sample-lstm
	.venv/bin/python -m sphinx -q -E $(WARNINGS) -j auto -c docs -d build/doctrees . build/site
	.venv/bin/lxmls-rnn train sample --model NumpyLSTM --epochs 10 --root build --name sample-lstm >/dev/null
	.venv/bin/lxmls-rnn export build/sample-lstm --to html --output build/site/docs/tagger.html >/dev/null

.PHONY: pygpu
pygpu: $(READY) ## Build and install pygpu, for a Python whose distribution has none: SOURCE=FOLDER or SOURCE=ADDRESS#sha256=...
	@.venv/bin/python packages/pygpu "$(SOURCE)" dist
	scripts/setup.sh

.PHONY: doctor
doctor: ## Tell what Theano finds where the GPU is, and what is missing
	$(AT_GPU) python -m lxmls_rnn.doctor

.PHONY: lab
lab: $(READY) ## Start JupyterLab from .venv, without Docker; ARGS="--no-browser" goes to it
	.venv/bin/lxmls-rnn lab $(ARGS)

.PHONY: test-browser
test-browser: $(READY) ## Test the panels in JupyterLab with Chromium, from PATH or "playwright install chromium"
	.venv/bin/pytest -n auto --maxprocesses 4 -m "not nightly" tests/browser $(ARGS)

.PHONY: pictures
pictures: $(READY) ## Take the pictures that the pages show anew, on an idle machine; ARGS="-k sweep" for some of them
	rm -rf build/pictures && mkdir -p build/pictures
	LAB_SCREENSHOTS=build/pictures .venv/bin/pytest -n 0 tests/browser $(ARGS)
	for file in $$(grep -oh 'panels/[a-z0-9-]*\.png' docs/*.md | sort -u); do \
		if [ -e "build/pictures/$${file#*/}" ]; then cp -v "build/pictures/$${file#*/}" "docs/$$file"; fi; done

# The label of a local build says which commit it is.
export LAB_REVISION ?= $(shell git rev-parse HEAD 2>/dev/null)
BUILT = $(shell grep -qs '^LAB_IMAGE=.' .env || [ "$$LAB_IMAGE" ] || echo yes)

.PHONY: gpu
gpu: ## Find out whether Docker can use an NVIDIA GPU, and write .env for it
	scripts/gpu.sh

.PHONY: up
up: ## Build the lab's image or pull LAB_IMAGE, start it in Docker, print its address
	@scripts/gpu.sh base
	docker compose up --detach $(if $(BUILT),--build) --wait || { docker compose logs --no-log-prefix --tail 20 lab; exit 1; }
	@docker compose logs --no-log-prefix lab | grep -E 'The lab is at|Theano uses' | tail -2

.PHONY: down
down: ## Stop the lab in Docker, and its cluster; notebooks, data and runs stay
	docker compose --profile cluster down

.PHONY: shell
shell: ## Open a shell in the running lab
	docker compose exec lab bash

.PHONY: logs
logs: ## Show what the lab prints, from its start on
	docker compose logs --follow lab

.PHONY: class
class: ## Start JupyterHub for a class, a lab for each student: STUDENTS=25, or STUDENTS=students.txt; see docs/classroom.md
	@STUDENTS="$(STUDENTS)" docker/jupyterhub/class.sh up

.PHONY: class-down
class-down: ## Stop JupyterHub and the students' labs; what they made stays
	@docker/jupyterhub/class.sh down

.PHONY: test-container
test-container: $(READY) ## Build the image and test it with the Docker engine that runs here
	.venv/bin/pytest $(UNLIMITED) -m "not nightly" tests/container $(ARGS)
