# make demo: the director's main job in two minutes.   make test: the tests.   make bench: the figures.
# All set themselves up.
# docs/development.md says more.

PYTHON ?= python3
RUNS ?= 3
BIN := .venv/bin
PYTEST := $(BIN)/pytest
UNIT := $(PYTEST) --numprocesses 4 --dist worksteal tests/unit
SERVICE := $(PYTEST) --numprocesses 2 --dist loadfile tests/service
KERNEL := $(PYTEST) tests/kernel

.DELETE_ON_ERROR:
.PHONY: help demo test unit service kernel original bench bench-page lint format man venv packages machine peers clean

help:
	@echo "make demo      show the director at work: client, director and servers in network namespaces"
	@echo "make test      lint, types and every test"
	@echo "make unit      the tests that need neither root nor a network (seconds)"
	@echo "make service   the tests against real servers on loopback"
	@echo "make kernel    the tests against a real IPVS, in virtual machines where this kernel has none"
	@echo "make original  of these, the Perl original and ours through the same scenarios"
	@echo "make bench     speed and memory beside keepalived, ldirectord and ipvsadm: writes docs/performance.md"
	@echo "make lint      ruff and mypy;   make format   let ruff mend what it can"
	@echo "make man       write docs/man/ldirectord.cf.5 again, after a change of docs/configuration.md"
	@echo "make clean     remove everything that make made"

demo: machine
	@PYTHONPATH=tests $(BIN)/python -m harness.demo

test: lint machine
	$(UNIT)
	$(SERVICE)
	$(KERNEL)

unit: venv
	$(UNIT) --hypothesis-profile quick -m "not slow"

service: venv packages
	$(SERVICE)

kernel: machine
	$(KERNEL)

original: machine
	$(PYTEST) -m original tests/kernel

bench: machine peers
	@PYTHONPATH=tests $(BIN)/python -m bench --runs $(RUNS) $(NAMES)

bench-page: venv
	@PYTHONPATH=tests $(BIN)/python -m bench --page

lint: venv
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: venv
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

man: venv
	@PYTHONPATH=tests $(BIN)/python -m harness.manpage

venv: .venv/complete

.venv/complete: pyproject.toml
	@sh tests/harness/setup.sh python $(PYTHON)
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[all,dev]'
	@touch $@

packages:
	@sh tests/harness/setup.sh packages

machine: venv packages
	@sh tests/harness/setup.sh kernel

peers: venv
	@sh tests/harness/setup.sh peers

clean:
	rm -rf .venv .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist *.egg-info
