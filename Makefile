# make demo, make test, make bench: each installs what it needs. `make help` lists all, docs/development.md explains them.

PYTHON ?= python3
RUNS ?= 3
BIN := .venv/bin
LOCK := requirements-dev.lock
PIP := $(BIN)/pip install --quiet --quiet --disable-pip-version-check
PYTEST := $(BIN)/pytest
QUICK := $(PYTEST) --quiet --forks 8 tests/unit --hypothesis-profile quick -m "not slow and not second_loop"
OTHERS := $(PYTEST) --numprocesses 4 --dist worksteal tests/unit -m "slow or second_loop or hypothesis"
SIMULATION := $(PYTEST) --numprocesses 2 tests/simulation
SERVICE := $(PYTEST) --numprocesses 2 --dist loadfile tests/service
KERNEL := $(PYTEST) tests/kernel
SYSTEMD := $(PYTEST) --numprocesses 2 --dist worksteal tests/systemd

# Without compiled tests, each worker of pytest would compile all of them, in every run.
unexport PYTHONDONTWRITEBYTECODE

.DELETE_ON_ERROR:
.PHONY: help demo test unit coverage simulation simulate fuzz mutation service kernel original matrix bench bench-page lint format man pictures lock venv \
	systemd kills packages pyz test-packages programs machine disks peers axe clean

help:
	@echo "make demo      client, director and servers in network namespaces: servers fail, the traffic goes on"
	@echo "make test      lint, types, the four tiers, and the coverage of the unit tests"
	@echo "make unit      the tests that need neither root nor a network, without the slow ones (seconds)"
	@echo "make coverage  the unit tests that are not slow, with branch coverage by package"
	@echo "make simulation  the director in a simulated world, with hundreds of mixes of faults"
	@echo "make simulate  more of that: SEEDS=1000, DAYS=7 or HOURS=1 with 500 servers; SEED=17 repeats one and shrinks it;"
	@echo "               BUG=stall puts a known bug back, and ends with the seed that finds it"
	@echo "make fuzz      bytes of any kind for every decoder: SECONDS=60 for all, NAMES=\"dns http\", KEEP=yes for the unit tests"
	@echo "make mutation  whether the tests notice each small change of the code that decides: NAMES=\"health plan\""
	@echo "make soak      a daemon with a thousand checks a second, reloads and faults: what grows in MINUTES=10; TRACE=yes: where; as root"
	@echo "make service   the tests against real servers on loopback"
	@echo "make kernel    the tests against a real IPVS, in virtual machines if this kernel has none"
	@echo "make original  the part of them that compares the Perl ldirectord with this one"
	@echo "make kills     kill a daemon in a thousand changes of a real table: ROUNDS=100"
	@echo "make systemd   the units and the package under a real systemd: Debian in virtual machines, driven from outside; as root"
	@echo "make matrix    the unit tests on each supported Python, with the oldest and the newest dependencies"
	@echo "make bench     speed and memory beside keepalived, ldirectord and ipvsadm: writes docs/performance.md"
	@echo "make packages  packages for Debian 12 and 13 in dist/, built in clean roots; as root; RELEASES=12: one of them"
	@echo "make pyz       the single file dist/ldirectord.pyz, to look around on hosts where nothing is to be installed"
	@echo "make test-packages  the Debian packages, as root: built twice the same, lintian, piuparts, installed, upgraded and removed in clean roots"
	@echo "make lint      ruff and mypy;   make format   format the code and apply ruff's fixes"
	@echo "make man       write docs/man/ldirectord.cf.5 from docs/configuration.md, etc/ldirectord.schema.json, etc/completion"
	@echo "make pictures  draw docs/pictures: the page and top, of a director on a table in memory; as root"
	@echo "make lock      renew requirements-dev.lock"
	@echo "make clean     remove everything that make made"

demo: venv
	@sh tests/harness/setup.sh lab
	@sh tests/harness/setup.sh kernel
	@PYTHONPATH=tests $(BIN)/python -m harness.lab.demo

test: lint machine disks axe coverage
	@echo "unit tests: the slow ones, those on a second loop, and more examples"
	$(OTHERS)
	@echo "simulation: the director in simulated time, with faults"
	$(SIMULATION)
	@echo "service tests: real servers on loopback"
	$(SERVICE)
	@echo "kernel tests: a real IPVS, in virtual machines if this kernel has none"
	$(KERNEL)
	@echo "systemd tests: the units and the package in virtual machines with Debian"
	$(SYSTEMD)

unit: venv
	$(QUICK)

coverage: venv
	@echo "unit tests: no root, no network"
	$(QUICK) --cov --cov-report=
	@PYTHONPATH=tests $(BIN)/python -m harness.coverage

simulation: venv
	$(SIMULATION)

simulate: venv
	@cd tests && ../$(BIN)/python -m simulation $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),100)) \
		--days $(or $(DAYS),0) --hours $(or $(HOURS),0) $(if $(CALM),--calm) $(if $(BUG),--bug $(BUG) --until-failure)

fuzz: .venv/fuzz
	@cd tests && ../$(BIN)/python -m fuzz $(if $(EXECUTIONS),--executions $(EXECUTIONS),--seconds $(or $(SECONDS),60)) $(if $(KEEP),--keep) \
		$(if $(INPUT),--input $(abspath $(INPUT))) $(NAMES)

.venv/fuzz: .venv/complete tests/fuzz/requirements.txt
	@$(PIP) --require-hashes --requirement tests/fuzz/requirements.txt
	@touch $@

mutation: .venv/mutation
	@PYTHONPATH=tests $(BIN)/python -m mutation $(if $(PROCESSES),--processes $(PROCESSES)) $(NAMES)

.venv/mutation: .venv/complete tests/mutation/requirements.txt
	@$(PIP) --no-deps --require-hashes --requirement tests/mutation/requirements.txt
	@touch $@

.PHONY: soak
soak: venv programs
	@PYTHONPATH=tests $(BIN)/python -m soak --minutes $(or $(MINUTES),10) --rate $(or $(RATE),1000) $(if $(TRACE),--trace)

matrix: venv
	@PYTHONPATH=tests $(BIN)/python -m harness.matrix $(PYTHONS)

service: venv programs axe
	$(SERVICE)

kernel: machine
	$(KERNEL)

systemd: disks
	$(SYSTEMD)

original: machine
	$(PYTEST) -m original tests/kernel

kills: machine
	KILL_ROUNDS=$(or $(ROUNDS),100) $(PYTEST) -rP tests/kernel/test_kill.py

bench: machine peers
	@PYTHONPATH=tests $(BIN)/python -m bench --runs $(RUNS) $(NAMES)

bench-page: venv
	@PYTHONPATH=tests $(BIN)/python -m bench --page

packages: venv
	@sh tests/harness/setup.sh builders
	@PYTHONPATH=tests $(BIN)/python -m packages $(RELEASES)

pyz: venv
	@PYTHONPATH=tests $(BIN)/python -m packages.archive

test-packages: venv
	@sh tests/harness/setup.sh builders
	$(PYTEST) --numprocesses 2 --dist loadfile tests/packages

lint: venv
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: venv
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

man: venv
	@PYTHONPATH=tests $(BIN)/python -m harness.manpage
	@PYTHONPATH=tests $(BIN)/python -m harness.schema
	@PYTHONPATH=tests $(BIN)/python -m harness.completion

pictures: venv programs
	@PYTHONPATH=tests $(BIN)/python -m harness.pictures

lock: venv
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --all-extras --python-version 3.11 \
		--custom-compile-command "make lock" --default-index https://pypi.org/simple --output-file $(LOCK) pyproject.toml

venv: .venv/complete

.venv/complete: pyproject.toml $(LOCK)
	@sh tests/harness/setup.sh python $(PYTHON)
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing the packages of $(LOCK) into .venv"
	@$(PIP) --require-hashes --requirement $(LOCK)
	@$(PIP) --no-deps --no-build-isolation --config-settings editable_mode=compat --editable .
	@touch $@

programs:
	@sh tests/harness/setup.sh programs

axe: venv
	@sh tests/harness/setup.sh axe

machine: venv programs
	@sh tests/harness/setup.sh kernel

disks: venv
	@sh tests/harness/setup.sh debian
	@PYTHONPATH=tests $(BIN)/python -m systemd.disk

peers: venv
	@sh tests/harness/setup.sh peers

clean:
	rm -rf .venv .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist *.egg-info
