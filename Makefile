# Everything a newcomer needs: `make demo` and `make test` do their own set-up in .venv.
# Needed on the machine: Rust (rustup's default components), Python 3.11 or newer with venv, a C compiler.
#
# Three feature sets are checked: none (the pure core), driver, python. Tests of Rust run with driver, once: an
# extension module is not linked against libpython, so its tests run from Python (tests/python).

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
CARGO ?= cargo
VENV := .venv
BIN := $(VENV)/bin
# Other clients, in an environment of their own: some are large, and none is needed for anything but the comparison.
BENCH := target/bench-venv
MINUTES ?= 8
# One interpreter for every build of the border, or pyo3 would be rebuilt each time the answer changes.
export PYO3_PYTHON := $(CURDIR)/$(BIN)/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1

RUST_SOURCES := $(shell find src -name '*.rs')
BUILD_INPUTS := Cargo.toml Cargo.lock pyproject.toml $(RUST_SOURCES)
# What must not be in the build without features.
IMPURE := ^(tokio|tokio-[a-z]+|rustls|rustls-[a-z-]+|hyper|ring|socket2|rustix|pyo3|rand|getrandom) v

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

.PHONY: demo
demo: $(VENV)/.extension ## build, then run the demonstration: every promise, its bound, what was measured
	$(BIN)/killcord demo

.PHONY: test
test: check-format lint pure counts test-rust simulate test-python faults-short ## every check there is; what CI runs
	@echo 'make test: every check passed'

.PHONY: check-format
check-format:
	$(CARGO) fmt --check

.PHONY: lint
lint: $(VENV)/.python ## clippy, warnings are errors, for the three feature sets
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) clippy --locked --all-targets --features driver -- -D warnings
	$(CARGO) clippy --locked --all-targets --features python -- -D warnings

.PHONY: pure
pure: ## proof that the core builds without runtime, TLS, sockets, randomness and Python
	$(CARGO) build --locked --no-default-features --lib
	@found=$$($(CARGO) tree --locked --no-default-features --edges normal,build --prefix none | grep -E '$(IMPURE)' || true); \
	if [ -n "$$found" ]; then echo "the pure core depends on:"; echo "$$found"; exit 1; fi
	@$(CARGO) tree --locked --features python --edges normal,build --prefix none | grep -cE '$(IMPURE)' >/dev/null \
	|| { echo 'the purity check finds nothing even with every feature on: it cannot fail'; exit 1; }
	@echo 'pure: no runtime, TLS, socket, randomness or Python in the build without features'

.PHONY: test-rust
test-rust: ## unit tests, simulation, kill, layering, real sockets (the pure build without features is `make pure`)
	$(CARGO) test --locked --features driver

.PHONY: interleavings
interleavings: ## every order of the steps of threads and processes that share a lease (part of make test)
	$(CARGO) test --locked --features driver --test interleavings

# Of the pure core, so that nothing but it is built; a debug build runs a few schedules only, with the other tests.
.PHONY: simulate
simulate: ## randomised worlds over all four venues, optimised: nothing false claimed, nothing said after a lapse
	$(CARGO) test --locked --release --test simulation --test golden

.PHONY: golden
golden: ## write the traces in tests/golden anew, from what happens now; reading their diff is the review
	KILLCORD_GOLDEN=rewrite $(CARGO) test --locked --features driver --test golden
	@git --no-pager diff --stat -- tests/golden; git status --short -- tests/golden | grep '^??' || true
	@echo 'Now read the diff of tests/golden (git diff): each changed line is something that traders will see happen differently.'

.PHONY: soak
soak: ## the same with a million schedules, and the demand that every interesting state was reached (half an hour)
	KILLCORD_PROOF=1 KILLCORD_SCHEDULES=250000 $(CARGO) test --locked --release --test simulation random -- --nocapture

.PHONY: exhaustive
exhaustive: ## every placement of three troubles in a short run at every venue: 2.4 million small worlds (half an hour)
	KILLCORD_PROOF=1 KILLCORD_FAULTS=3 KILLCORD_BOUNDARIES=6 \
		$(CARGO) test --locked --release --test simulation small -- --nocapture

.PHONY: test-python
test-python: $(VENV)/.extension $(VENV)/.test ## pytest, mypy --strict, stub against extension
	$(BIN)/python -m mypy --strict
	$(BIN)/python -m mypy.stubtest killcord._killcord --mypy-config-file pyproject.toml \
		$(addprefix --allowlist ,$(wildcard tests/python/stubtest_allowlist.txt))
	$(BIN)/python -m pytest

.PHONY: figures
figures: $(VENV)/.extension $(VENV)/.test ## kill, lapse and strategies that are stuck, measured at every venue under every fault (5 minutes)
	KILLCORD_FIGURES=1 $(BIN)/python -m pytest -s tests/python/promises tests/python/test_kill_anywhere.py

.PHONY: secrets
secrets: $(VENV)/.extension $(VENV)/.test ## planted secrets, looked for in every output and in what impostors are told
	$(BIN)/python -m pytest tests/python/test_secrets.py tests/python/test_tls_refusals.py

.PHONY: mutants
mutants: $(VENV)/.python ## the core with one thing changed at a time: does a test notice? (FILE=src/parts/lease.rs, ONLY=regex, QUICK=1; needs: cargo install cargo-mutants --locked; hours)
	@$(CARGO) mutants --version >/dev/null 2>&1 || { echo 'cargo-mutants is missing: cargo install cargo-mutants --locked'; exit 1; }
	PYTHONPATH=tests/python $(BIN)/python -m proof.mutants $(if $(FILE),FILE='$(FILE)') $(if $(ONLY),ONLY='$(ONLY)') $(if $(QUICK),QUICK=1)

.PHONY: known-bad
known-bad: $(VENV)/.python ## the core with one known hazard built in at a time: do the named tests notice? (ONLY=part of a name)
	PYTHONPATH=tests/python $(BIN)/python -m proof.known_bad $(if $(ONLY),ONLY='$(ONLY)')

.PHONY: proof
proof: $(VENV)/.python ## docs/proof.md from what the last runs left in target/proof (and in FROM=folders), and their files beside it
	PYTHONPATH=tests/python $(BIN)/python -m proof $(FROM)

.PHONY: proof-page
proof-page: $(VENV)/.python ## docs/proof.md again, from the files in docs/proof alone
	PYTHONPATH=tests/python $(BIN)/python -m proof page

# Needs root for networks of its own; what cannot be played is listed as skipped, and 2 says that nothing could be.
ONLY :=
RUNS := 3
FAULTS := PYTHONPATH=tests:tests/python $(BIN)/python -m faults
.PHONY: faults
faults: $(VENV)/.extension $(VENV)/.test ## the fault matrix on real sockets, figures beside targets (ONLY=N07, ONLY=N,P01, RUNS=30); needs root
	$(FAULTS) --runs $(RUNS) $(if $(ONLY),--only $(ONLY))

.PHONY: faults-short
faults-short: $(VENV)/.extension $(VENV)/.test ## those of it that make test plays, once each; says so where there is no root
	$(FAULTS) --gate --runs 1 --jobs 4 --name faults-short || [ $$? = 2 ]

.PHONY: format
format: ## rewrite the Rust sources in the one format
	$(CARGO) fmt

.PHONY: extension
extension: $(VENV)/.extension ## the extension, optimised, installed in .venv so that Python edits need no rebuild

.PHONY: bench
bench: $(BENCH)/.clients $(BENCH)/.tungstenite ## killcord beside other clients and the floor; tables and plot (MINUTES=8, a quiet machine)
	$(BENCH)/bin/python benches/side_by_side.py --minutes $(MINUTES)
	$(BENCH)/bin/python benches/render.py

.PHONY: bench-quick
bench-quick: $(BENCH)/.clients $(BENCH)/.tungstenite ## the main scenarios once; writes target/bench/quick.json and no document
	$(BENCH)/bin/python benches/side_by_side.py --quick --minutes 0 --out target/bench/quick.json

N ?= 100 300 1000 3000 10000
.PHONY: scale
scale: $(VENV)/.python ## guards by the thousand in one process, N="100 1000": table and curve (5 minutes, a quiet machine)
	$(CARGO) build --locked --release --features driver --example scale
	$(BIN)/python benches/scale.py $(N)

.PHONY: bench-core
bench-core: ## the pure core: time per input, without socket and kernel
	$(CARGO) bench --locked --bench answer
	$(CARGO) bench --locked --features driver --bench renew

.PHONY: bench-python
bench-python: $(VENV)/.extension $(VENV)/.test ## what single calls of the Python face cost
	$(BIN)/python -m pytest tests/python/test_benchmarks.py --benchmark-enable --benchmark-only

.PHONY: counts
counts: $(VENV)/.python ## instructions per cycle of the pure core against the baseline; says so when valgrind is missing
	$(BIN)/python benches/counts.py || [ $$? = 2 ]

SECONDS_EACH := 60
.PHONY: fuzz
fuzz: ## feed what is read from outside to a fuzzer, SECONDS=60 for each target (needs: cargo install cargo-fuzz --locked)
	@fuzz/run $(if $(filter command line,$(origin SECONDS)),$(SECONDS),$(SECONDS_EACH))

.PHONY: conformance
conformance: ## the Autobahn test suite against the websocket client, 301 cases (3 minutes; fetches the suite and a Python 2.7)
	tests/conformance/run

.PHONY: deny
deny: ## licences, advisories, sources of every crate (needs: cargo install cargo-deny --locked)
	@$(CARGO) deny --version >/dev/null 2>&1 || { echo 'cargo-deny is missing: cargo install cargo-deny --locked'; exit 1; }
	$(CARGO) deny --all-features check

.PHONY: audit
audit: ## crates and Python packages: licences, bans, sources, hashes, known vulnerabilities; says what could not be checked
	tests/supply/audit || [ $$? = 2 ]

.PHONY: pins
pins: $(VENV)/.python ## resolve the Python requirements anew, newest versions, with hashes
	$(BIN)/python -m venv target/pins
	target/pins/bin/python -m pip install --quiet pip-tools
	for set in demo test bench; do \
		extras=--extra=cli; inputs='pyproject.toml requirements/build.in'; \
		if [ $$set = test ]; then extras='--extra=cli --extra=test --extra=peers'; fi; \
		if [ $$set = bench ]; then extras=; inputs=requirements/bench.in; fi; \
		{ echo "# Pinned, with hashes, for \`make $$set\`. Made by \`make pins\`; edit what it is made from, not this."; \
		target/pins/bin/pip-compile --quiet --generate-hashes --strip-extras --no-header --no-emit-index-url \
			--no-emit-find-links --upgrade $$extras --output-file=- $$inputs; \
		} > requirements/$$set.new; mv requirements/$$set.new requirements/$$set.txt; \
	done

.PHONY: clean
clean: ## remove what make built: .venv, target, caches, the extension
	rm -rf $(VENV) target dist .pytest_cache .mypy_cache .hypothesis .benchmarks python/killcord/_killcord*.so
	find python tests examples -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

$(VENV)/.python:
	@test -n '$(PYTHON)' || { echo 'killcord needs Python 3.11 or newer; none was found'; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	|| { echo 'killcord needs Python 3.11 or newer; name one with: make PYTHON=python3.12'; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo 'python -m venv failed (Debian and Ubuntu: install python3-venv)'; exit 1; }
	@touch $@

# Installed from pinned versions with hashes: what was tested is what is installed.
$(VENV)/.demo: requirements/demo.txt $(VENV)/.python
	$(BIN)/python -m pip install --quiet --require-hashes -r $<
	@touch $@

$(VENV)/.test: requirements/test.txt $(VENV)/.demo
	$(BIN)/python -m pip install --quiet --require-hashes -r $<
	@touch $@

$(BENCH)/.clients: requirements/bench.txt $(VENV)/.extension
	@test -x $(BENCH)/bin/python || $(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --require-hashes -r $<
	@touch $@

$(BENCH)/.tungstenite: benches/peers/tungstenite_peer.rs Cargo.lock
	$(CARGO) build --locked --release --features driver --example tungstenite_peer
	@mkdir -p target/bench $(BENCH)
	@cp target/release/examples/tungstenite_peer target/bench/
	@touch $@

$(VENV)/.extension: $(BUILD_INPUTS) $(VENV)/.demo
	PIP_QUIET=1 VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/maturin develop --quiet --release --locked
	@touch $@
