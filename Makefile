# make install · make run · make test · make check · make bench · make fuzz · make faults
PACKAGES = trace producers inspections consumer_web
PYTHON ?= python3
STAMP = .venv/.installed
LOCKED = .venv/.locked
PORT ?= 8000
HOST ?= 127.0.0.1

.PHONY: install run test check bench fuzz faults lock translations clean

install: $(STAMP)

# What runs needs requirements.lock; what tests needs requirements-dev.lock, which holds both.
$(LOCKED): requirements-dev.lock
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	.venv/bin/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

# The links are made again when a file is added, moved or removed: a folder's time changes then.
$(STAMP): $(LOCKED) setup.cfg pyproject.toml $(shell find $(PACKAGES) -type d -not -name __pycache__)
	.venv/bin/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

# What the printed QR codes carry.
run: export FOODTRACE_BASE_URL ?= http://$(HOST):$(PORT)
run: $(STAMP)
	@.venv/bin/foodtrace migrate
	@.venv/bin/foodtrace demo --if-empty
	@.venv/bin/foodtrace serve --host $(HOST) --port $(PORT)

test: $(STAMP)
	@.ci/system
	.venv/bin/pytest -q -n auto $(PYTEST)

check: $(STAMP)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/python -m tests.check_translations

bench: $(STAMP)
	.venv/bin/python -m bench $(BENCH)

# CASES=20000 make fuzz
fuzz: $(STAMP)
	.venv/bin/python -m tests.fuzz_epcis

# KILLS=20 POWER=3 SWEEP=10 NETWORK=0 STORAGE=0 make faults: fewer. Some of it needs root: small disks are mounted.
faults: $(STAMP)
	@.ci/system
	.venv/bin/python -m tests.faults

# Extract the texts of the pages into each folder's catalogue, and compile the catalogues.
translations: $(STAMP)
	.venv/bin/python -m tests.check_translations --write

lock:
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links setup.cfg -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links setup.cfg --extra dev -o requirements-dev.lock

clean:
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
