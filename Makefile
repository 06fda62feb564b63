# SPDX-License-Identifier: GPL-2.0-only

# The variables of the command line, each with the option it stands for. `make help` prints these lines.
#: ARCH      x86_64, arm, ...: kernel or uname -m names; default: this machine, else x86_64
#: RELEASE   --release: the kernel release meant; default: the newest
#: VARIANT   --variant: its configuration; default: the release's own
#: SRC       --source: your trampoline.S in the place of ours
#: OBJ       --object: your trampoline.o, as kbuild or any compiler makes it
#: VMLINUX   --vmlinux: a kernel's image, vmlinux or vmlinuz, whose trampolines stand in the place of ours
#: MAP       --system-map: the System.map of a vmlinuz
#: KDIR      --tree: the kernel tree that SRC is out of
#: O         --build: where that tree was built
#: CONFIG    --config: a .config for it
#: OPS       --ops: "NAME[:FLAG or KEY=VALUE]... ..." what to register; several with spaces between
#: FUNCTION  --function: the traced function to call
#: SEED      --seed: the number that all values are drawn from
#: FORMAT    --format: text or json; of check also ktap, junit or github
#: CLAUSE    of check: --clause: only these, with spaces between: "C5 T1"
#: SCENARIO  of check: --scenario: only these, with spaces between
#: SEEDS     of check and soak: --seeds: how many seeds
#: JOBS      of check, mutants and soak: --jobs: how many processes
#: ALLOW     of check: --allow: "C5:cpsr=REASON" accepts what is wrong under that name
#: KUNIT     of soak: the kernel's tools/testing/kunit/kunit.py, to read our KTAP with
#: ONLY      of real-kernels: --only: a pattern of their names: "6.12*"
#: OLD       of diff: a .S, a .o, a vmlinux, a saved JSON document of check, or ARCH:VARIANT of ours
#: NEW       of diff: the same
VARIABLES := ARCH RELEASE VARIANT SRC OBJ VMLINUX MAP KDIR O CONFIG OPS FUNCTION SEED FORMAT CLAUSE SCENARIO SEEDS JOBS \
	ALLOW KUNIT ONLY OLD NEW
PYTHON ?= python3
V ?= 0

.PHONY: help emulate check diff mutants selftest show list debug bench test lint types wheel ci soak real-kernels clean

# A mistyped variable must not be a silent default (a make above this one may have given variables of its own).
space := $(subst ,, )
given := $(foreach word,$(subst \$(space),_,$(MAKEOVERRIDES)),$(firstword $(subst =, ,$(word))))
unknown := $(if $(filter 0,$(MAKELEVEL)),$(filter-out $(VARIABLES) PYTHON V,$(given)))
$(if $(unknown),$(error unknown variable $(firstword $(unknown)); `make help` lists them))

quoted = '$(subst ','\'',$(1))'
option = $(if $($(2)),$(1)=$(call quoted,$($(2))))
kernel = $(call option,--tree,KDIR) $(call option,--build,O) $(call option,--config,CONFIG) $(call option,--system-map,MAP)
files = $(call option,--source,SRC) $(call option,--object,OBJ) $(call option,--vmlinux,VMLINUX) $(kernel)
subject = $(call option,--release,RELEASE) $(call option,--variant,VARIANT) $(files)
scenario = $(foreach spec,$(OPS),--ops=$(call quoted,$(spec))) $(call option,--function,FUNCTION) $(call option,--seed,SEED)
format = $(call option,--format,FORMAT)
each = $(foreach word,$($(2)),$(1)=$(call quoted,$(word)))
narrow = $(call option,--release,RELEASE) $(call each,--variant,VARIANT) $(files)
question = $(call each,--clause,CLAUSE) $(call each,--scenario,SCENARIO) $(call option,--seed,SEED)
effort = $(call option,--seeds,SEEDS) $(call option,--jobs,JOBS) $(call option,--allow,ALLOW)
operands = $(if $(OLD),$(call quoted,$(OLD))) $(if $(NEW),$(call quoted,$(NEW)))
arch = $(if $(ARCH),$(call quoted,$(ARCH)))
archs = $(foreach word,$(ARCH),$(call quoted,$(word)))
every = $(if $(strip $(files)),,$(sort $(basename $(notdir $(wildcard arch/*.py)))))

# V=1 shows the commands, -s shows nothing at all; otherwise set-up says one line, and only when it has work to do.
Q := $(if $(filter 1,$(V)),,@)
silent := $(findstring s,$(filter-out --%,$(firstword -$(MAKEFLAGS))))
setup := $(if $(silent),QUIET=1) scripts/setup $(call quoted,$(PYTHON))

RUN := .venv/bin/python -m

help: ## show this text
	@echo 'make TARGET [VARIABLE=value ...]'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile
	@echo
	@sed -n 's/^#: /  /p' Makefile
	@echo '  V         1 shows the commands that make runs'
	@echo '  PYTHON    the python3 (3.11 to 3.13) to make .venv with'

emulate: .venv/run.stamp ## run an architecture's trampolines and show what a callback receives
	$(Q)$(RUN) emulator emulate $(arch) $(subject) $(scenario) $(format)

check: .venv/run.stamp ## hold trampolines, ours or yours, to the contract
	$(Q)$(RUN) emulator check $(archs) $(narrow) $(question) $(effort) $(format)

diff: .venv/run.stamp ## show what changed in behaviour between two trampolines, or since a saved check
	$(Q)$(RUN) emulator diff $(operands) $(call option,--arch,ARCH) $(call option,--release,RELEASE) $(call option,--variant,VARIANT) $(kernel) $(call option,--seed,SEED) $(format)

selftest: .venv/run.stamp ## run the kernel's own tests through our trampolines, or through yours
	$(Q)$(RUN) emulator selftest $(arch) $(subject) $(call option,--seed,SEED) $(format)

mutants: .venv/run.stamp ## change trampolines, one instruction each time, of all architectures or of ARCH: what is caught?
	$(Q)$(RUN) emulator mutate $(or $(archs),$(every)) $(narrow) $(call option,--seed,SEED) $(call option,--jobs,JOBS) $(format)

show: .venv/run.stamp ## list a variant's trampolines, and what is stored where in pt_regs
	$(Q)$(RUN) emulator show $(arch) $(subject) $(call option,--seed,SEED) $(format)

list: .venv/run.stamp ## show architectures, variants, abilities and the traced functions
	$(Q)$(RUN) emulator list $(format)

debug: .venv/run.stamp ## step through trampolines in gdb, backwards too, from the call site of a traced function on
	$(Q)$(RUN) emulator debug $(arch) $(subject) $(scenario) --gdb

bench: .venv/run.stamp ## measure a call, plain, checked and traced
	$(Q)$(RUN) emulator bench $(arch)

test: .venv/dev.stamp ## for developers: run the tests
	$(Q)$(RUN) pytest -q -n auto

lint: .venv/dev.stamp ## for developers: check style
	$(Q)$(RUN) ruff check --quiet
	$(Q)$(RUN) ruff format --quiet --check

types: .venv/dev.stamp ## for developers: check types
	$(Q)$(RUN) mypy --no-error-summary

wheel: .venv/dev.stamp # a part of ci: build the wheel, install it elsewhere, run the tests that prove it
	$(Q).ci/wheel

ci: lint types test wheel ## for developers: all that CI runs

soak: .venv/dev.stamp ## for developers: the long run outside CI: every trampoline of ours at 1,000 seeds, in any order
	$(Q).venv/bin/python scripts/soak.py $(archs) $(call option,--seed,SEED) $(call option,--seeds,SEEDS) \
		$(call option,--jobs,JOBS) $(call option,--kunit,KUNIT)

real-kernels: .venv/dev.stamp ## for developers: download Debian's kernels, run their trampolines, compare them with ours
	$(Q).venv/bin/python scripts/real_kernels.py $(call option,--only,ONLY)

clean: ## remove everything that make has made, .venv included
	$(Q)rm -rf .venv build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	$(Q)find arch emulator examples scripts tests -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/run.stamp: pyproject.toml constraints.txt
	$(Q)$(setup) .
	$(Q)touch $@

.venv/dev.stamp: .venv/run.stamp
	$(Q)$(setup) '.[dev]'
	$(Q)touch $@
