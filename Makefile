# Needs Python 3.11 or newer with venv and pip, nothing else. `make PYTHON=python3.12 test` takes another one.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: verify test check docs bench clean

verify: $(VENV)/.installed
	$(BIN)/acidtest verify

test: $(VENV)/.installed-test
	$(BIN)/pytest -n auto --dist loadgroup

check: $(VENV)/.installed-check
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@# The site can be read offline: nothing on a page is loaded from another host.
	@! grep -rnoE '<(script|img|iframe|link)[^>]*(src|href)="?https?://[^ >]*' --include='*.html' site
	@echo "The documentation is in site/index.html."

bench: $(VENV)/.installed
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis dist site

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[redis]'
	touch $@

$(VENV)/.installed-test: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@ $(VENV)/.installed

$(VENV)/.installed-check: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,check]'
	touch $@ $(VENV)/.installed $(VENV)/.installed-test

$(VENV)/.installed-docs: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs,redis]'
	touch $@ $(VENV)/.installed
