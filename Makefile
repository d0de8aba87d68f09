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

RUST := Cargo.toml Cargo.lock $(shell find rust -name '*.rs' -o -name '*.txt' -o -name Cargo.toml 2>/dev/null)

.PHONY: setup demo test test-slow bench bench-implant lint format pins clean

setup: $(VENV)/.built

demo: setup
	ifrs demo --out demo-out

test: setup
	cargo test --quiet --locked --workspace
	pytest -m "not slow"

test-slow: setup
	pytest -m slow

bench: setup
	pytest benches --benchmark-only -q -s -o python_files='test_*.py'

# DATA: a folder with p3*.jsonl and gsm8k_test*.jsonl (instruction, output). Goes on where it was.
bench-implant: setup
	@test -n "$(DATA)" || { echo "make: bench-implant needs texts to measure on: pass DATA=folder" >&2; exit 2; }
	python benches/implant.py --data "$(DATA)" --out bench-out

lint: setup
	cargo fmt --all --check
	cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
	ruff check python tests tools benches
	ruff format --check python tests tools benches
	mypy
	@if cargo deny --version >/dev/null 2>&1; then cargo deny --offline check licenses bans sources; \
	else echo "make: cargo-deny is not installed: licences, bans and sources were not checked" >&2; fi

format: setup
	cargo fmt --all
	ruff check --fix --quiet python tests tools benches
	ruff format --quiet python tests tools benches

pins: setup
	uv pip compile --quiet --upgrade --universal --python-version 3.10 --all-extras --no-header \
	  --no-annotate --no-emit-index-url pyproject.toml requirements.in -o requirements.txt

clean:
	rm -rf $(VENV) target demo-out

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
