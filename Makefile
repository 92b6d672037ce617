# Every habit is a verb. `make help` lists them; PKG="dre scope" narrows any of them to some packages.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
PACKAGES := shared-io cosmic-conn otrain scope dre
PKG ?= $(PACKAGES)
root := $(CURDIR)
folder = $(if $(filter shared-io,$1),shared-io,packages/$1)
venv = $(root)/.venvs/$1
python = $(call venv,$1)/bin/python

.PHONY: help
help: ## list the verbs
	@grep -hE '^[a-z]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 10

# One virtual environment per package, remade only when its inputs change. First-party packages are
# installed from their folders, never by name.
define environment
.venvs/$1/.ready: $(call folder,$1)/pyproject.toml $(call folder,$1)/constraints.txt shared-io/pyproject.toml
	rm -rf .venvs/$1
	$(PYTHON) -m venv .venvs/$1
	.venvs/$1/bin/python -m pip install -q --disable-pip-version-check -c $(call folder,$1)/constraints.txt \
	    -e ./shared-io $(if $(filter shared-io,$1),-e "./shared-io[test]",-e "./packages/$1[test]")
	touch $$@
endef
$(foreach p,$(PACKAGES),$(eval $(call environment,$p)))

.PHONY: environments
environments: $(PKG:%=.venvs/%/.ready)

.PHONY: clean
clean: ## remove environments, built files and outputs
	rm -rf .venvs dist demo-output bench-output
