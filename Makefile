VENV := .venv
BIN := $(VENV)/bin

.PHONY: install demo test lint bench

install: $(VENV)/installed

# xautodl (reference networks for the tests) pins an ancient numpy in its metadata, hence --no-deps.
$(VENV)/installed: pyproject.toml
	python3 -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps xautodl==1.0.0
	touch $@

demo: install
	$(BIN)/nas-harness demo

test: install
	$(BIN)/python -m pytest -n 2 --dist loadfile tests

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install
	$(BIN)/python -m pytest --benchmark-enable --benchmark-only -s tests/benchmarks
