# Every habit is a verb. `make help` lists them; PKG="dre scope" narrows any of them to some packages.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
PACKAGES := shared-io cosmic-conn otrain scope dre
# Processes that the tests use.
JOBS ?= 2
chosen := $(or $(strip $(PKG)),$(PACKAGES))
$(foreach p,$(chosen),$(if $(filter $p,$(PACKAGES)),,$(error no package named '$p'; there are: $(PACKAGES))))
# Without PKG the repository's own checks run too.
whole := $(if $(strip $(PKG)),,yes)
root := $(CURDIR)
folder = $(if $(filter shared-io,$1),shared-io,packages/$1)
venv = $(root)/.venvs/$1
python = $(call venv,$1)/bin/python
folders := $(foreach p,$(chosen),$(call folder,$p))
repo := $(root)/.venvs/repo/bin
pip := -m pip install -q --disable-pip-version-check
# $(call each,COMMANDS): run shell COMMANDS for each chosen package ($$p its name, $$f its folder, $$py its
# Python); go on after a failure, and fail at the end.
each = failed=; $(foreach p,$(chosen),p=$p; f=$(call folder,$p); py=$(call python,$p); \
	( $1 ) || failed="$$failed $p"; ) [ -z "$$failed" ] || { echo "failed:$$failed" >&2; exit 1; }

.PHONY: help
help: ## list the verbs
	@grep -hE '^[a-z]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 14
	@echo; echo 'PKG="dre scope" narrows a verb to some of: $(PACKAGES)'

# One virtual environment per package, remade only when its inputs change. First-party packages are
# installed from their folders, never by name.
define environment
.venvs/$1/.ready: $(call folder,$1)/pyproject.toml $(call folder,$1)/constraints.txt shared-io/pyproject.toml
	rm -rf .venvs/$1
	$(PYTHON) -m venv .venvs/$1
	.venvs/$1/bin/python $(pip) -c $(call folder,$1)/constraints.txt \
	    $(if $(filter shared-io,$1),-e "./shared-io[test]",-e ./shared-io -e "./packages/$1[test]")
	touch $$@
endef
$(foreach p,$(PACKAGES),$(eval $(call environment,$p)))

# The tools of the repository itself: lint, types, architecture, wheels, tests of the whole.
.venvs/repo/.ready: tests/requirements.txt tests/constraints.txt
	rm -rf .venvs/repo
	$(PYTHON) -m venv .venvs/repo
	.venvs/repo/bin/python $(pip) -c tests/constraints.txt -r tests/requirements.txt
	touch $@

.PHONY: environments
environments: $(chosen:%=.venvs/%/.ready) $(if $(whole),.venvs/repo/.ready) ## make the virtual environments in .venvs/

.PHONY: demo
demo: $(chosen:%=.venvs/%/.ready) ## run each tool's main job on real input; results in demo-output/
	@$(call each,[ -f "$$f/examples/demo.py" ] || exit 0; mkdir -p "demo-output/$$p"; \
	    echo "== $$p"; "$$py" "$$f/examples/demo.py" "demo-output/$$p" 2>&1 | tee "demo-output/$$p/summary.txt")
	@echo; for p in $(chosen); do \
	    if [ -f "demo-output/$$p/summary.txt" ]; then \
	        echo "$$p: $$(find "demo-output/$$p" -type f | wc -l) files in demo-output/$$p, what it printed in summary.txt"; \
	    elif [ "$$p" != shared-io ]; then echo "$$p: no demo, the tool is not built yet"; fi; done

.PHONY: test
test: $(chosen:%=.venvs/%/.ready) $(if $(whole),.venvs/repo/.ready) ## run the tests of the packages; without PKG also those of the repository
	@failed=; $(foreach p,$(chosen),echo "== $p"; \
	    (cd $(call folder,$p) && $(call python,$p) -m pytest -n $(JOBS)) || failed="$$failed $p"; ) \
	$(if $(whole),echo "== repository"; $(repo)/python -m pytest -n $(JOBS) -c tests/pytest.ini tests || failed="$$failed repository";) \
	[ -z "$$failed" ] || { echo "failed:$$failed" >&2; exit 1; }

.PHONY: lint
lint: .venvs/repo/.ready ## check style and formatting (ruff)
	$(repo)/ruff check --output-format concise $(if $(whole),.,$(folders))
	$(repo)/ruff format --check --output-format concise $(if $(whole),.,$(folders))

.PHONY: format
format: .venvs/repo/.ready ## rewrite the code in the common format (ruff)
	$(repo)/ruff check -q --fix-only $(if $(whole),.,$(folders))
	$(repo)/ruff format $(if $(whole),.,$(folders))

.PHONY: type
type: $(chosen:%=.venvs/%/.ready) .venvs/repo/.ready ## check types (mypy)
	@$(call each,echo "== $$p"; cd "$$f" && $(repo)/mypy --python-executable "$$py")

.PHONY: arch
arch: .venvs/repo/.ready ## check who imports whom (import-linter)
	$(repo)/python tests/architecture.py $(chosen)

.PHONY: bench
bench: $(chosen:%=.venvs/%/.ready) ## run the benchmarks; results in bench-output/
	@$(call each,ls "$$f"/benchmarks/bench_*.py > /dev/null 2>&1 || exit 0; mkdir -p "bench-output/$$p"; \
	    for b in "$$f"/benchmarks/bench_*.py; do echo "== $$b"; \
	        "$$py" "$$b" | tee "bench-output/$$p/$$(basename "$$b" .py).txt" || exit 1; done)

.PHONY: faults
faults: $(chosen:%=.venvs/%/.ready) ## kill writers, fail disks, damage inputs (1,000 / each call / 2,500); SEED=n repeats a run
	@$(call each,echo "== $$p"; cd "$$f"; \
	    if [ $$p = shared-io ]; then "$$py" -m shared_io.testing --jobs $(JOBS) $(if $(SEED),--seed $(SEED)); exit; fi; \
	    code=0; "$$py" -m pytest -m faults || code=$$?; \
	    if [ $$code = 5 ]; then echo "$$p has no tests marked 'faults'"; else exit $$code; fi)

.PHONY: wheels
wheels: .venvs/repo/.ready ## build a wheel of each package into dist/
	@for f in $(folders); do $(repo)/python -m build --wheel --no-isolation --outdir dist "$$f"; done

.PHONY: clean
clean: ## remove environments, built files and outputs (with PKG: those of some packages)
	rm -rf $(if $(whole),.venvs dist demo-output bench-output,$(foreach p,$(chosen),.venvs/$p demo-output/$p bench-output/$p))
	find shared-io packages tests -name __pycache__ -type d -prune -exec rm -rf {} +
