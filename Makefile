# Every target does the set-up it needs; a second call does none again.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
unexport PYTHONHOME CONDA_PREFIX
# Tests and demo read nothing from a model hub.
export HF_HUB_OFFLINE := 1
export TOKENIZERS_PARALLELISM := true
# Libraries' progress bars stay out of pipes.
export TQDM_DISABLE := $(shell test -t 2 || echo 1)

RUST := Cargo.toml Cargo.lock $(shell find rust -name '*.rs' -o -name '*.txt' -o -name Cargo.toml 2>/dev/null)

# How long each fuzz target runs in `make test-slow`.
FUZZ_SECONDS ?= 60

# Programs that tests compare with, each with the system's package that holds it.
PROGRAMS := age:age ssh-keygen:openssh-client openssl:openssl chromium:chromium

# Optional: a file or folder of real instruction and multiple-choice data for the audit.
DATA ?=

# Minutes after which `make audit` stops, the most telling units done.
AUDIT_MINUTES ?= 145

# What builds and checks a wheel that runs on any Linux of the last ten years, and how.
WHEEL_TOOLS := ziglang==0.17.1 auditwheel==6.8.2
MANYLINUX := $(if $(filter Linux,$(shell uname)),--zig --compatibility manylinux_2_17)

.PHONY: setup programs demo audit audit-quick test test-slow fuzz bench bench-implant docs wheel lint advisories tools format pins clean

setup: $(VENV)/.built

demo: setup
	ifrs demo --out demo-out

# Started again, it goes on where it stopped.
audit: setup
	python -m ifrs.demo.audit --out audit-out --minutes $(AUDIT_MINUTES) $(if $(DATA),--data $(DATA)) --results docs/results/results.md

audit-quick: setup
	python -m ifrs.demo.audit --out audit-quick-out --quick $(if $(DATA),--data $(DATA))

test: setup programs
	cargo test --quiet --locked --workspace
	@# Tiny models take a third longer on two threads than on one: two processes instead.
	OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} pytest -m "not slow" \
	  --numprocesses logical --maxprocesses 4 --dist loadfile

test-slow: setup programs fuzz
	pytest -m slow

# No sanitizer: the readers are safe Rust, and the stable toolchain can build this.
fuzz: setup $(BIN)/cargo-fuzz
	@for target in $$(cargo fuzz list --fuzz-dir rust/core/fuzz); do \
	  mkdir -p rust/core/fuzz/corpus/$$target rust/core/fuzz/seeds/$$target; \
	  cargo fuzz run --fuzz-dir rust/core/fuzz --sanitizer none $$target \
	    rust/core/fuzz/corpus/$$target rust/core/fuzz/seeds/$$target \
	    -- -max_total_time=$(FUZZ_SECONDS) -verbosity=0 -print_final_stats=1 || exit 1; \
	done

bench: setup
	pytest benches --benchmark-only -q -s -o python_files='test_*.py'

# DATA: a folder with p3*.jsonl and gsm8k_test*.jsonl (instruction, output). Goes on where it was.
bench-implant: setup
	@test -n "$(DATA)" || { echo "make: bench-implant needs texts to measure on: pass DATA=folder" >&2; exit 2; }
	python benches/implant.py --data "$(DATA)" --out bench-out

docs: setup
	sphinx-build --quiet --fail-on-warning --builder html docs site

# One wheel for Python 3.10 and later, and the sources, into dist/.
wheel: setup
	uv pip install --quiet $(WHEEL_TOOLS)
	python tools/third_party.py --check
	rm -rf dist
	maturin sdist --out dist
	maturin build --quiet --release --locked $(MANYLINUX) --out dist
	python tools/check_wheel.py dist

lint: setup
	cargo fmt --all --check
	cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
	ruff check python tests tools benches
	ruff format --check python tests tools benches
	mypy
	uv pip check --quiet
	python tools/check_packages.py
	@if cargo deny --version >/dev/null 2>&1; then cargo deny --offline check licenses bans sources; \
	else echo "make: cargo-deny is missing, crates' licences and sources were not checked: make tools" >&2; fi

# Known vulnerabilities of crates and packages; needs a network, so it is no part of lint.
advisories: setup tools
	cargo deny check advisories
	pip-audit --requirement requirements.txt --no-deps --disable-pip --strict

tools: $(BIN)/cargo-deny $(BIN)/cargo-fuzz

$(BIN)/cargo-%: $(VENV)/.installed
	cargo install --quiet --locked --root $(VENV) cargo-$*

format: setup
	cargo fmt --all
	ruff check --fix --quiet python tests tools benches
	ruff format --quiet python tests tools benches

pins: setup
	uv pip compile --quiet --upgrade --universal --python-version 3.10 --all-extras --no-header \
	  --no-annotate --no-emit-index-url pyproject.toml requirements.in -o requirements.txt

# Installed where that can be done without asking; else their tests are skipped, and say why.
programs:
	@case $$(id -u) in 0) as= ;; *) as="sudo -n" ;; esac; updated=; \
	for pair in $(PROGRAMS); do \
	  command -v $${pair%:*} >/dev/null && continue; \
	  test -n "$$updated" || { $$as apt-get update -qq >/dev/null 2>&1; updated=1; }; \
	  $$as apt-get install -qq -y --no-install-recommends $${pair#*:} >/dev/null 2>&1 \
	  || echo "make: $${pair%:*} is missing and could not be installed: its tests are skipped" >&2; \
	done

clean:
	rm -rf $(VENV) target dist demo-out audit-out audit-quick-out

$(VENV)/.built: $(VENV)/.installed $(RUST) pyproject.toml
	@command -v cargo >/dev/null || { echo "make: ifrs needs a Rust toolchain (cargo): install one with rustup" >&2; exit 2; }
	@command -v cc >/dev/null || { echo "make: ifrs needs a C compiler (cc): install gcc or clang" >&2; exit 2; }
	maturin develop --quiet --release --locked --uv
	@touch $@

$(VENV)/.installed: requirements.txt
	@command -v $(PYTHON) >/dev/null || { echo "make: ifrs needs Python 3.10 or later: install it, or pass PYTHON=…" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "make: ifrs needs Python 3.10 or later, not $$($(PYTHON) -V): pass PYTHON=…" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "make: $(PYTHON) cannot make a venv: install its venv module (python3-venv)" >&2; exit 2; }
	@command -v uv >/dev/null || $(BIN)/python -m pip install --quiet "$$(grep -E '^uv==' requirements.txt)"
	uv pip install --quiet --python $(BIN)/python -r requirements.txt
	@touch $@
