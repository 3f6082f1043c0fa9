# Two commands: `make demo` and `make test`. Both set up a virtual environment first.
#
#   make demo                  run the main job on the clip that comes installed
#   make demo VIDEO=my.mp4     run it on your own recording
#   make test                  run every test
#   make lint                  format, lint and type checks
#   make contrib               the packages under contrib/, installed as wheels, and their tests
#   make docs                  the documentation as a site, in site/

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= demo-output
ANONYMIZER ?= blur
READY := $(VENV)/.ready

.PHONY: demo test lint contrib docs setup clean
.DELETE_ON_ERROR:

setup: $(READY)

$(READY): pyproject.toml contrib/framework-weights-research/pyproject.toml contrib/framework-training/pyproject.toml constraints.txt tools/working_opencv.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,demo,research]' -e contrib/framework-weights-research -e contrib/framework-training
	$(BIN)/python tools/working_opencv.py
	touch $@

demo: setup
	$(BIN)/python examples/demo.py --out $(OUT) --anonymizer $(ANONYMIZER) $(if $(VIDEO),--video '$(VIDEO)')

test: setup
	$(BIN)/python -m pytest -n auto

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy framework plugins contrib/framework-training/src

contrib: setup
	$(BIN)/python tools/check_contrib.py

docs: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	$(BIN)/python tools/plugin_docs.py --check
	$(BIN)/python -m mkdocs build --strict

clean:
	rm -rf $(VENV) $(OUT)
