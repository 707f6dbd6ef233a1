# Two commands on a fresh machine with Python 3.11+:
#   make run     sets up and serves the hub on http://127.0.0.1:7860 (make run ARGS="--port 8000" changes that)
#   make test    sets up everything and runs every check and test
# A second call starts at once: the stamp files say what is installed already.

PYTHON ?= python3
BIN := .venv/bin

run: .venv/.serve
	@$(BIN)/genhub serve $(ARGS)

# Three files at a time (tests/conftest.py says which go together), even on two cores: servers and pages keep them waiting.
# A browser that has waited 30 seconds in vain gets one more chance, and the report says so: shared machines stand still at times.
# One thread each: OpenMP's wait for each other by spinning, and where cores are shared that costs five times the work.
test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 --no-loadscope-reorder --reruns 1 --only-rerun TimeoutError

lint: .venv/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

bench: .venv/.test
	$(BIN)/genhub bench

# uv installs in seconds what pip takes minutes for; compiled bytecode is what makes the first start quick.
.venv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Generative Hub needs Python 3.11 or newer; say which with 'make PYTHON=python3.12'."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet uv

.venv/.serve: pyproject.toml | .venv/bin/uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --editable .
	@touch $@

.venv/.test: pyproject.toml | .venv/bin/uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --editable '.[test]'
	@touch $@ .venv/.serve

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

.PHONY: run test lint bench clean
