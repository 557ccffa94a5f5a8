# The commands of the book. `make` alone lists them.

ifeq ($(OS),Windows_NT)
PYTHON ?= python
BIN := .venv/Scripts
else
PYTHON ?= python3
BIN := .venv/bin
endif
PEERS := .venv-peers/$(notdir $(BIN))

# The folder may have any name, and Python reads the names of its folders in the reader's encoding.
ifeq ($(shell uname -s),Linux)
export LC_ALL := C.UTF-8
endif

.DEFAULT_GOAL := help
.PHONY: help book pdf test audit lab serve bench teeth peers compare advisories lock clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

book: .venv/ready ## build the book into _build/html
	@$(BIN)/python -I _ext/book/inputs.py || $(BIN)/python -I _ext/book/build.py

pdf: book ## print the book to one PDF and link the pages to it
	PYTHONPATH=_ext $(BIN)/python _ext/book/pdf.py

# What a file of tests starts, a browser or a server, is started once: a file stays in one process.
# NumPy keeps to one thread in each, or the threads would wait for each other's cores.
test: book ## build the book and run every test
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses=logical --maxprocesses=4 --dist=loadfile

audit: book ## measure every page with Lighthouse and axe
	PYTHONPATH=_ext $(BIN)/python _ext/book/audit.py $(PAGES)

lab: .venv/ready ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab --notebook-dir=chapters

serve: book ## show the built book at http://localhost:8000
	$(BIN)/python -m http.server --bind localhost --directory _build/html 8000

bench: .venv/ready ## run the benchmarks, against the peers that are installed
	PYTHONPATH=_ext $(or $(wildcard $(PEERS)/python),$(BIN)/python) benchmarks/run.py $(ONLY)

teeth: .venv/ready ## plant faults in the package, and see which claims and tests notice
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PYTHONPATH=_ext:tests $(BIN)/python -m teeth $(MODULE)

peers: .venv-peers/ready ## install PyTorch, JAX, optax and micrograd, to compare with

compare: .venv-peers/ready ## test the conventions against PyTorch, JAX and optax themselves
	BYHAND_PEERS=required $(PEERS)/python -m pytest tests/test_conventions.py

# What is pinned for them, without what runs it: the registries are asked by name and version.
advisories: .venv/ready ## look up known vulnerabilities of what the book installs
	sed '/^-e/d' requirements.txt benchmarks/peers.txt | sort -u > _build/pinned.txt
	$(BIN)/uv tool run pip-audit==2.10.1 --disable-pip --no-deps --strict -r _build/pinned.txt
	$(BIN)/npm audit
	$(BIN)/npm audit --prefix audit

lock: COMPILE := $(BIN)/uv pip compile --no-annotate --custom-compile-command "make lock"
lock: .venv/ready ## pin anew what the book, its audit and Binder install
	$(COMPILE) requirements.in --output-file requirements.txt --upgrade --universal \
	  --python-version 3.11 --fork-strategy fewest
# uv keeps the versions that it finds in the file, so Binder's are the book's.
	sed '/^-e/d' requirements.txt > .binder/requirements.txt
	echo '-e .[lab]' | $(COMPILE) - --output-file .binder/requirements.txt \
	  --python-version "$$(sed 's/python-//' .binder/runtime.txt)" --python-platform linux \
	  --no-python-downloads
	sed '/^-e/d' requirements.txt | $(COMPILE) --constraint - benchmarks/peers.in --upgrade \
	  --output-file benchmarks/peers.txt --python-version 3.11 --python-platform windows \
	  --no-python-downloads
# What builds the package is installed apart from the rest, so it is pinned apart.
	sed -i.old "s/\"setuptools==.*\"/\"$$(grep '^setuptools==' requirements.txt)\"/" pyproject.toml
	rm pyproject.toml.old
	for folder in . audit; do \
	  $(BIN)/npm update --package-lock-only --no-audit --no-fund --prefix $$folder || exit 1; \
	done

clean: ## remove everything that the other commands made
	rm -rf _build .venv .venv-peers node_modules audit/node_modules .hypothesis .pytest_cache .ruff_cache src/byhand.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +

# An environment runs where it was made: in a folder that was moved or copied it is made anew.
export HERE := $(CURDIR)
ifneq ($(shell test -x $(BIN)/python && cat .venv/ready 2>/dev/null),$(HERE))
.PHONY: .venv/ready
endif

.venv/ready: requirements.txt pyproject.toml
	@$(PYTHON) _ext/book/install.py

# What the peers are compared in: the book's environment, and them.
.venv-peers/ready: .venv/ready benchmarks/peers.txt
	@$(BIN)/python _ext/book/install.py peers
	@touch $@
