# The two commands of the README are `make demo` and `make test`.
PY := .venv/bin/python
PACKAGES := wire circulation firmware_bridge kiosk central broker_config monitor sim turnleaf
JOBS ?= 2

.PHONY: demo demo-clean env test check chaos chaos-mutants bench bench-compare fuzz screens golden mutants docs lock

demo: ## Lend a book on real parts: installs what is missing, then runs until Ctrl-C
	@scripts/bootstrap.sh run
	@.venv/bin/turnleaf demo $(ARGS)

demo-clean: ## Take everything of ours away again
	@scripts/demo-clean.sh

env: ## Everything the tests need
	@scripts/bootstrap.sh dev

test: env check ## Every check and every test, on real parts
	$(PY) -m pytest -n $(JOBS) --dist worksteal tests

check: env ## ruff, mypy --strict, import-linter, size budget, docs drift
	$(PY) -m ruff check $(PACKAGES) tests scripts
	$(PY) -m ruff format --check $(PACKAGES) tests scripts
	$(PY) -m mypy
	.venv/bin/lint-imports --no-cache
	$(PY) scripts/budget.py
	$(PY) scripts/docs.py --check

docs: env ## Write the generated parts of docs/ anew
	$(PY) scripts/docs.py

chaos: env ## Thirty plans of every fault, three minutes each: nothing lost, doubled, out of order
	$(PY) tests/demo/chaos_table.py seeds $(ARGS)

chaos-mutants: env ## Break rules in a copy; chaos must see each
	$(PY) tests/demo/chaos_table.py mutants --minutes 1 --kill-every 3 --seeds 8 $(ARGS)

bench: env ## Ratios as a table, and bench-results/*.json
	$(PY) -m tests.bench $(ARGS)

bench-compare: env ## Ratios of the last run beside the recorded ones; fails when one became worse
	$(PY) -m tests.bench.table --compare $(ARGS)

screens: env ## Take every screenshot in docs/screens anew
	TURNLEAF_SCREENS=1 $(PY) -m pytest -n 0 tests -m browser -k screen

golden: env ## Write the golden payloads anew; look at the diff
	$(PY) tests/wire/make_golden.py

fuzz: env ## A million broken inputs for every decoder
	$(PY) -m tests.fuzz $(ARGS)

mutants: env ## Break each rule of the streams in a copy; show which test sees it
	$(PY) tests/wire/mutant_table.py

lock: ## Lock the requirements with hashes (needs uv)
	uv pip compile -q pyproject.toml --generate-hashes --no-emit-index-url --no-header -o requirements/run.txt
	uv pip compile -q pyproject.toml --group dev --generate-hashes --no-emit-index-url --no-header -o requirements/dev.txt
