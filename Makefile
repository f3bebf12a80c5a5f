# Everything happens in .venv beside this file; it is made when missing and used again otherwise.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONFIG ?= amber
JLPM := PATH="$(CURDIR)/$(BIN):$$PATH" jlpm
LABEXTENSION := interp_bench_ext/labextension

.PHONY: demo lab test redteam hub hub-test hub-test-5 hub-shots ui-test ui-shots test-all test-clients test-gpu docs-examples docs-notebooks docs-gallery lint format train bench bench-agent bench-callers bench-calls bench-engine bench-gpu bench-numerics bench-lab bench-filter bench-sandbox bench-modal bench-hub bench-gateway build clean

demo: $(VENV)/run.stamp  ## Set up, then investigate an organism offline
	$(BIN)/interp-bench run $(CONFIG) --agent playbook --out notebooks

lab: $(VENV)/lab.stamp  ## Set up, then open JupyterLab
	$(BIN)/interp-bench lab -- $(LAB_ARGUMENTS)

test: $(VENV)/dev.stamp $(VENV)/lab.stamp  ## Set up, then run the tests
	$(BIN)/pytest -n 4 --dist worksteal -m "not slow"
	$(JLPM) test

redteam: $(VENV)/dev.stamp $(VENV)/lab.stamp  ## Every attempt to get behind the veil; writes the table into docs/security.md
	rm -rf .redteam && mkdir .redteam
	$(BIN)/pytest -n 2 --dist loadgroup -m redteam --redteam-json .redteam/kernel.json; kernel=$$?; \
	PLAYWRIGHT_JSON_OUTPUT_FILE="$(CURDIR)/.redteam/chromium.json" $(JLPM) ui-test redteam --reporter=list,json; \
	chromium=$$?; \
	$(BIN)/python -m tests.redteam.table .redteam/kernel.json .redteam/chromium.json --write docs/security.md \
	&& exit $$((kernel || chromium))

ui-test: $(VENV)/dev.stamp $(VENV)/lab.stamp  ## The tests in a real browser; Chromium must be installed
	$(JLPM) ui-test $(UI_TESTS)

ui-shots: $(VENV)/dev.stamp $(VENV)/lab.stamp  ## Pictures of the sidebar's states, light and dark, in ui-shots/
	mkdir -p ui-shots
	UI_SHOTS="$(CURDIR)/ui-shots" $(JLPM) ui-test states.spec.ts

hub-shots: $(VENV)/dev.stamp $(VENV)/lab.stamp  ## Pictures of a JupyterHub's users, administrator and instructor, in hub-shots/
	mkdir -p hub-shots
	HUB_SHOTS="$(CURDIR)/hub-shots" $(JLPM) ui-test hub.spec.ts

test-all: $(VENV)/dev.stamp $(VENV)/lab.stamp hub-test-5  ## The slow matrices too
	$(BIN)/pytest -n 2 --dist worksteal

HUB_TESTS := -n 2 --dist loadfile tests/hub tests/redteam/hub
hub-test: $(VENV)/dev.stamp $(VENV)/lab.stamp  ## A real JupyterHub with its users, and other users' attempts on them
	$(BIN)/pytest $(HUB_TESTS)

HUB_5 := .venv-hub-5.4
hub-test-5: $(HUB_5)/made.stamp $(VENV)/lab.stamp  ## The same on JupyterHub 5.4, which most sites still run
	$(HUB_5)/bin/python -m pytest $(HUB_TESTS)

hub: $(VENV)/dev.stamp $(VENV)/lab.stamp  ## A JupyterHub to look at, on this machine only
	$(BIN)/python -m tests.hub.demo

CLIENTS := tests/programs/real
test-clients: $(VENV)/dev.stamp  ## Claude Code, Codex and Gemini CLI from npm, on scripted models; writes the table into docs/mcp.md
	npm ci --prefix $(CLIENTS) --ignore-scripts --no-audit --no-fund
	cd $(CLIENTS)/node_modules/@anthropic-ai/claude-code && node install.cjs
	$(BIN)/python -m tests.programs.real_clients $(CLIENTS)/node_modules --write docs/mcp.md

test-gpu: $(VENV)/dev.stamp  ## The dispatcher on CUDA; needs an NVIDIA GPU and a torch for it
	$(BIN)/pytest -m gpu tests/gpu

docs-examples: $(VENV)/dev.stamp  ## Run the worked examples of docs/techniques and write what they give into the pages
	$(BIN)/python scripts/docs_examples.py $(PAGES)

docs-notebooks: $(VENV)/dev.stamp  ## Run the investigations of docs/examples again and keep their notebooks
	$(BIN)/python scripts/example_notebooks.py

docs-gallery: $(VENV)/dev.stamp  ## Draw the plot of every result type, light and dark, for docs/gallery.md
	$(BIN)/python scripts/chart_gallery.py

lint: $(VENV)/dev.stamp node_modules/.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	MYPYPATH=benchmarks $(BIN)/mypy --explicit-package-bases --follow-imports=silent benchmarks
	$(BIN)/lint-imports
	$(JLPM) generate:check
	$(JLPM) lint:check

format: $(VENV)/dev.stamp node_modules/.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(JLPM) generate
	$(JLPM) lint

train: $(VENV)/run.stamp  ## Train the organisms' adapters again
	$(BIN)/python training/train.py all

bench: $(VENV)/run.stamp  ## Measure what the README claims; exit 1 when a figure is missed
	$(BIN)/python benchmarks/organisms.py --check
	$(BIN)/python benchmarks/investigation.py --check

bench-agent: $(VENV)/dev.stamp  ## The same for the agent's loop; half an hour, most of it for a run that is killed 50 times
	$(BIN)/python benchmarks/agent_loop.py --check

bench-callers: $(VENV)/dev.stamp  ## The same for many callers of one organism
	$(BIN)/python benchmarks/callers.py --check

bench-calls: $(VENV)/dev.stamp  ## What a small call costs, what thousands add to a host's memory, what a lens takes of it
	$(BIN)/python benchmarks/host_calls.py --check

bench-numerics: $(VENV)/dev.stamp  ## Every technique's numbers beside an independent computation of them
	$(BIN)/python benchmarks/numerics.py --check --write docs/numerics.md

bench-engine: $(VENV)/dev.stamp  ## Reads, edits and replies beside other packages', which it installs
	$(BIN)/pip install --quiet 'transformer_lens==4.3.*' 'nnsight==0.8.*'
	$(BIN)/python benchmarks/engine.py --check

bench-gpu: $(VENV)/dev.stamp  ## The same on an NVIDIA GPU, a model of 8 B parameters with random weights
	$(BIN)/python benchmarks/gpu.py --check

bench-lab: $(VENV)/dev.stamp $(VENV)/lab.stamp  ## The same for JupyterLab, in Chromium
	$(BIN)/pip install --quiet --editable '.[bench]'
	$(BIN)/python benchmarks/lab_latency.py --check
	$(BIN)/python benchmarks/lab_follows.py --check

bench-filter: $(VENV)/dev.stamp  ## The same for the filter of outputs
	$(BIN)/python benchmarks/output_filter.py --check

bench-sandbox: $(VENV)/run.stamp  ## The same for the start of a sandboxed kernel
	$(BIN)/python benchmarks/sandbox_startup.py --check

bench-modal: $(VENV)/dev.stamp  ## The same for organisms on Modal, against a control plane on this machine
	$(BIN)/python benchmarks/modal_overhead.py --check
	$(BIN)/python benchmarks/modal_sweep.py --check

bench-gateway: $(VENV)/dev.stamp  ## The same for the key gateway of a JupyterHub, killed again and again
	$(BIN)/python benchmarks/hub_gateway.py --check

bench-hub: $(VENV)/dev.stamp node_modules/.stamp  ## The same for 16 people on one JupyterHub
	$(BIN)/python benchmarks/hub_load.py --check

build: $(VENV)/dev.stamp $(LABEXTENSION)/package.json  ## Wheel and sdist, the labextension included
	$(BIN)/python -m build

clean:
	rm -rf $(VENV) $(HUB_5) dist node_modules lib $(LABEXTENSION) tsconfig.tsbuildinfo

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip

# All that is in .venv, with another JupyterHub; links, as what pip changes it writes anew.
$(HUB_5)/made.stamp: $(VENV)/dev.stamp
	rm -rf $(HUB_5)
	cp -al $(VENV) $(HUB_5) || cp -a $(VENV) $(HUB_5)
	$(HUB_5)/bin/python -m pip install --quiet 'jupyterhub==5.4.*'
	touch $@

$(VENV)/run.stamp: pyproject.toml package.json .ci/install-torch | $(VENV)/bin/python
	.ci/install-torch $(BIN)
	mkdir -p $(LABEXTENSION)
	$(BIN)/pip install --quiet --editable '.[local,lab,mcp,rtc]'
	touch $@

$(VENV)/lab.stamp: $(LABEXTENSION)/package.json
	$(BIN)/jupyter-builder develop --overwrite .
	touch $@

node_modules/.stamp: package.json yarn.lock | $(VENV)/run.stamp
	$(JLPM) install --immutable
	touch $@

$(LABEXTENSION)/package.json: node_modules/.stamp tsconfig.json $(shell find src style schema -type f)
	$(JLPM) build:prod

$(VENV)/dev.stamp: $(VENV)/run.stamp
	mkdir -p $(LABEXTENSION)
	$(BIN)/pip install --quiet --editable '.[test,lint]' build
	touch $@
