# make report   sets everything up, runs the study cnao-optics and writes its report
# make dossier  runs all built-in studies (most of an hour) and writes one page over them
# make test     sets everything up and runs every check
# make docs     builds the site of the documents into site/, offline; a warning is an error
# make dist     builds the wheel and the source archive into dist/
# make wheels   asks whether the lock has wheels for every Python that is supported (needs the package index)
# make fuzz     throws damaged files at every reader for minutes (make test: for seconds)
# make kills    kills scans at a hundred random moments (make test: at ten)
# make bench    times the toolkit beside MAD-X, Xsuite and C, and tells what became slower since the last time
# make lock     resolves requirements.lock again from pyproject.toml (for maintainers; needs uv)
#
# PYTHON=python3.12 chooses the Python; without it, the first one that fits.

VENV := .venv
BIN := $(VENV)/bin
RUN := runs/cnao-optics
DOSSIER := runs/dossier
STUDIES := $(basename $(notdir $(sort $(wildcard studies/builtin/*.toml))))

# Prints the interpreter (not the one of a virtual environment) if it can carry the project, and fails if not.
FITS := import sys, venv, ensurepip; \
    (3, 11) <= sys.version_info < (3, 15) and sys.implementation.name == "cpython" or sys.exit(1); \
    print(getattr(sys, "_base_executable", sys.executable))
CANDIDATES := $(if $(PYTHON),"$(PYTHON)",$(BIN)/python python3 python3.13 python3.12 python3.11 python3.14)
INTERPRETER := $(shell for p in $(CANDIDATES); do "$$p" -c '$(FITS)' 2>/dev/null && break; done)

# The environment belongs to one lock, one Python and one folder; another of any of these gives another name.
KEY := $(shell (cat requirements.lock; pwd -P; "$(INTERPRETER)" -V) 2>/dev/null | cksum | cut -d ' ' -f 1)
LOCKED := $(VENV)/locked-$(KEY)
READY := $(VENV)/ready

PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation

.PHONY: report dossier test docs fuzz kills bench coverage mutants lock wheels clean

report: $(READY)
	@: > $(VENV)/started
	@status=0; $(BIN)/lattice-optimize run cnao-optics --force --out $(RUN) || status=$$?; \
	if [ $$status -gt 1 ]; then exit $$status; fi; \
	if [ ! $(RUN)/results.json -nt $(VENV)/started ]; then \
	    echo "make report: the study stopped before its results were written." >&2; exit 1; fi; \
	if [ $$status -eq 0 ]; then echo "Every requirement passed."; \
	else echo "The study ran; a requirement failed or was not evaluated: the report says which."; fi; \
	echo "The report: $(CURDIR)/$(RUN)/report.html"

# Every built-in study, one after the other; a requirement that is not met stops nothing.
dossier: $(READY)
	@$(BIN)/python -c "from studies.commands.listing.durations import altogether; print(altogether())"
	@for study in $(STUDIES); do \
	    echo "== $$study"; status=0; $(BIN)/lattice-optimize run $$study --force --out runs/$$study || status=$$?; \
	    if [ $$status -gt 1 ]; then exit $$status; fi; done
	@$(BIN)/lattice-optimize dossier $(STUDIES:%=runs/%) --force --out $(DOSSIER)
	@echo "The dossier: $(CURDIR)/$(DOSSIER)/dossier.html"

# What tests need compiled is compiled beside the checks of types and imports.
test: $(READY)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m tests.compiled & compiling=$$!; \
	$(BIN)/python -m mypy && $(BIN)/lint-imports; checked=$$?; \
	wait $$compiling && exit $$checked
	$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

docs: $(READY)
	$(BIN)/python -m docs.pages site
	@echo "The site: $(CURDIR)/site/index.html"

dist: $(READY)
	$(BIN)/python -c "from setuptools import build_meta as b; b.build_sdist('dist'); b.build_wheel('dist')" >/dev/null
	@ls dist

coverage: $(READY)
	$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder --cov --cov-report=term

fuzz: $(READY)
	$(BIN)/python -m tests.fuzz.forever

kills: $(READY)
	KILLS=100 $(BIN)/python -m pytest tests/studies/test_random_kills.py

bench: $(READY)
	$(BIN)/python -m benchmarks

mutants: $(READY)
	$(BIN)/python -m tests.mutants $(PACKAGES)

# setuptools goes first: four Xsuite packages come as source archives (pure Python), built with the locked one.
$(LOCKED):
	@if [ -z "$(INTERPRETER)" ]; then \
	    echo "hadron-optics needs CPython 3.11, 3.12, 3.13 or 3.14 with its venv module. Looked at:" >&2; \
	    for p in $(CANDIDATES); do v=$$("$$p" -V 2>/dev/null); echo "    $$p: $${v:-not found}" >&2; done; \
	    echo "Install one (on Debian and Ubuntu with python3-venv), or name it: make PYTHON=/path/to/python3.12" >&2; \
	    exit 1; fi
	@echo "Setting up $(VENV) with $$("$(INTERPRETER)" -V): about 310 MB to download, once."
	@rm -rf $(VENV)
	@"$(INTERPRETER)" -m venv $(VENV)
	@awk '/^setuptools==/, !/\\$$/' requirements.lock > $(VENV)/setuptools.lock
	@$(PIP) --require-hashes -r $(VENV)/setuptools.lock
	@$(PIP) --require-hashes -r requirements.lock
	@touch $@

# pip cannot hash a folder, so the project itself goes in without; its dependencies are all there by now.
$(READY): $(LOCKED) pyproject.toml
	@$(PIP) --editable .
	@touch $@

lock:
	uv pip compile pyproject.toml --extra test --extra cluster --extra search --extra docs --universal --python-version 3.11 --fork-strategy fewest \
	    --generate-hashes --no-emit-index-url --output-file requirements.lock

# Packages of Xsuite that are pure Python and come as source archives; nothing is installed. uv in a folder of its own.
SOURCES := xfields xpart xtrack xobjects

wheels: $(READY)
	@$(BIN)/python -m venv $(VENV)/uv
	@$(VENV)/uv/bin/python -m pip install --quiet --disable-pip-version-check uv
	@for v in 3.11 3.12 3.13 3.14; do \
	    $(VENV)/uv/bin/uv pip install --quiet --dry-run --python-version $$v --target $(VENV)/none --only-binary :all: \
	        $(addprefix --no-binary ,$(SOURCES)) -r requirements.lock && echo "Python $$v: wheels for all but $(SOURCES)" \
	        || exit 1; done

clean:
	rm -rf $(VENV) runs build dist site *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .coverage
