# All that a person types here. Needs make, a shell and Python 3.11 or later with venv; the rest it installs itself.

PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup run test soak lint format pictures bench bench-profile bench-scale bench-memory bench-pages bench-writes bench-start setup-test packages pins .venv

help: ## list what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

setup: .venv ## install into .venv what Signet needs to run
	@$(call install,requirements.txt)

run: setup ## install, prepare and serve on http://localhost:8000
	@$(BIN)/flask prepare
	@exec $(BIN)/gunicorn wsgi:app

test: setup-test packages lint ## install, check style and types, run every test
	@$(BIN)/pytest --numprocesses 3 --dist worksteal -m "not soak"

soak: setup-test packages ## run the long fault runs, which make test leaves out
	@$(BIN)/pytest --numprocesses 2 -m soak
	@SIGNET_TEST_FUZZ_CASES=100000 $(BIN)/pytest tests/views/test_fuzz_token_endpoint.py

lint: setup-test ## check style and types, change nothing
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

format: setup-test ## mend what the linter and the formatter can
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

pictures: setup-test packages ## take the pictures of README.md and docs/ anew
	@$(BIN)/python -m tests.pictures

bench: setup-test ## measure tokens per second, beside what one could run instead
	@sh bench/install_peers.sh $(CURDIR)/$(BIN)/python
	@$(BIN)/python -m bench.tokens

bench-profile: setup-test ## tell where the microseconds of one token go
	@sh bench/install_peers.sh $(CURDIR)/$(BIN)/python
	@$(BIN)/python -m bench.profile

bench-scale: setup-test ## measure tokens per second of many clients in rotation
	@sh bench/install_peers.sh $(CURDIR)/$(BIN)/python
	@$(BIN)/python -m bench.scale

bench-memory: setup-test ## watch the memory of the processes under ten minutes of load
	@sh bench/install_peers.sh $(CURDIR)/$(BIN)/python
	@$(BIN)/python -m bench.memory

bench-pages: setup-test packages ## measure the admin pages with 5,000 clients against their budgets
	@$(BIN)/python -m bench.pages

bench-writes: setup-test ## measure the requests that must write to the database
	@$(BIN)/python -m bench.writes

bench-start: setup-test ## measure how long a start takes until the first token
	@$(BIN)/python -m bench.start

setup-test: setup ## install what the tests need besides
	@$(call install,requirements-dev.txt)

packages: ## install the browser, curl, nginx and packages of Node, which the tests drive
	@sh tests/install_packages.sh
	@sh tests/strangers/install_node_packages.sh

pins: .venv ## pin the newest releases in every requirements.txt and requirements-dev.txt
	@test -x .venv-pins/bin/pip-compile || { $(BIN)/python -m venv .venv-pins && .venv-pins/bin/pip install --quiet pip-tools; }
	@CUSTOM_COMPILE_COMMAND="make pins" .venv-pins/bin/pip-compile --quiet --upgrade requirements.in
	@CUSTOM_COMPILE_COMMAND="make pins" .venv-pins/bin/pip-compile --quiet --upgrade requirements-dev.in
	@cd bench/peers/django-oauth-toolkit && CUSTOM_COMPILE_COMMAND="make pins" $(CURDIR)/.venv-pins/bin/pip-compile \
	  --quiet --upgrade --config $(CURDIR)/pyproject.toml requirements.in

# One environment for both: the tests then run what `make run` runs, release by release. A folder that was moved
# and a Python that was replaced leave one behind that looks whole; pyvenv.cfg knows the first, pip the second.
.venv:
	@{ grep -qsF " $(CURDIR)/.venv" .venv/pyvenv.cfg && $(BIN)/python -c 'import pip' 2>/dev/null; } || { \
	  $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo "Signet needs Python 3.11 or later as '$(PYTHON)'; name another: make PYTHON=/path/to/python3 …" >&2; exit 1; }; \
	  $(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	    echo "Signet needs Python's venv module; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }; \
	  $(PYTHON) -m venv --clear .venv; }

# Installs a file of pins, unless its copy in .venv says that just this was installed before.
define install
cmp -s $(1) .venv/$(1) || { \
  echo "Installing $(1) into .venv; the first time takes a minute …"; \
  $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement $(1) && cp $(1) .venv/$(1); }
endef
