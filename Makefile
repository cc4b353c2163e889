# protobalance. `make help` lists the targets.
#
#   B=dir                   where everything generated goes (default build)
#   SAN=address,undefined   builds with sanitizers, into build/san
#   WERROR=1                warnings are errors (make check)
#   T=module                make unit: this test only
#   prefix= DESTDIR=        make install

SAN ?=
B ?= $(if $(SAN),build/san,build)
prefix ?= /usr/local
T ?=

FLOORS := base net wire store guard route sister session
FLOOR_DIRS := $(FLOORS:%=lib/%) shm admin
PROGRAMS := protobalance pbctl demobox pbdoc
PYTEST := /usr/bin/python3 -m pytest

# --- flags ---

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wconversion -Wmissing-prototypes \
	-Wformat=2 -Wundef $(if $(WERROR),-Werror)
HARDENING := -fstack-protector-strong -fcf-protection -fPIE $(if $(SAN),,-D_FORTIFY_SOURCE=2)
SANITIZE := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
OPTIMIZE ?= -O2 -g
ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -DPB_VERSION='"$(VERSION)"' -I. $(WARNINGS) $(OPTIMIZE) \
	$(HARDENING) $(SANITIZE) $(LIB_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now $(if $(SAN),,-Wl,--as-needed) $(SANITIZE) $(LDFLAGS)

# --- what there is ---

archive = $(B)/lib$(notdir $(1)).a
ARCHIVES := $(foreach d,$(FLOOR_DIRS),$(call archive,$(d)))
SRC_protobalance := $(wildcard cmd/*.c)
SRC_pbctl := $(wildcard cmd/pbctl/*.c)
SRC_pbdoc := $(wildcard cmd/pbdoc/*.c) $(filter-out cmd/pbctl/main.c,$(SRC_pbctl))
SRC_demobox := $(wildcard cmd/demobox/*.c)
BINARIES := $(foreach p,$(PROGRAMS),$(if $(SRC_$(p)),$(B)/$(p)))
UNIT_SRC := $(wildcard test/unit/test_*.c)
UNIT := $(UNIT_SRC:test/unit/%.c=$(B)/test/%)
MAN := $(wildcard cmd/*.8) $(B)/pbctl.1

.PHONY: all check check-full screenshots unit unit-valgrind e2e bench bench-accounts bench-guard sim sim-check \
	demo fmt lint layers fuzz-build install \
	clean distclean docs help
all: $(BINARIES) $(B)/pbctl.1 $(B)/pbctl.bash

help:
	@echo 'make [all]       protobalance, pbctl and demobox, in $(B)/'
	@echo 'make demo        installs what is missing, builds, runs a demonstration; Ctrl-C ends it'
	@echo 'make check       installs what the tests need, builds, runs all tests'
	@echo 'make check-full  the same and again with sanitizers and valgrind, and longer'
	@echo 'make unit [T=x]  unit tests; make e2e: end-to-end tests; make bench: speed'
	@echo 'make bench-accounts  a million accounts over XML: import, search, move; time and memory'
	@echo 'make bench-guard  a million records of the guard, a million clients: size, and time of a look-up'
	@echo 'make sim         weeks of mail in virtual time, beside a plain greylister (docs/simulation.md): an hour'
	@echo 'make screenshots  pictures of each page of the console, in $(B)/screenshots'
	@echo 'make docs        docs/xml.md and admin/web/tables.js anew, from the tables of commands'
	@echo 'make fmt lint    clang-format; clang-tidy, cppcheck and the rules of the rooms'
	@echo 'make fuzz-build  the fuzzers of what parses hostile bytes, in $(B)/fuzz'
	@echo 'make install [DESTDIR=] [prefix=]'

# --- configure: generated and kept below build/ ---

$(B)/configure: configure.ac
	@mkdir -p $(B)
	@command -v autoconf >/dev/null || { echo 'autoconf is missing: apt-get install autoconf' >&2; exit 1; }
	cd $(B) && autoconf -o configure $(CURDIR)/configure.ac && rm -rf autom4te.cache

$(B)/config.mk: $(B)/configure packaging/config.mk.in
	cd $(B) && ./configure --quiet --srcdir=$(CURDIR)
	@touch $@

NO_CONFIG := help clean distclean demo check check-full fmt bench
ifneq ($(if $(MAKECMDGOALS),$(filter-out $(NO_CONFIG),$(MAKECMDGOALS)),all),)
-include $(B)/config.mk
endif

# --- compiling ---

# Rebuilt when the flags change, not only when a file does.
$(B)/flags: FORCE | $(B)/config.mk
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(LIBS)' | cmp -s - $@ || \
		echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(LIBS)' >$@
FORCE:

$(B)/obj/%.o: %.c $(B)/flags $(B)/config.mk
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

define floor_rule
$(call archive,$(1)): $(patsubst %.c,$(B)/obj/%.o,$(wildcard $(1)/*.c))
	@mkdir -p $$(@D)
	@rm -f $$@
	ar rcs $$@ $$^
endef
$(foreach d,$(FLOOR_DIRS),$(eval $(call floor_rule,$(d))))

# The console's pages, in the program.
WEB_FILES := $(sort $(wildcard admin/web/*))
$(B)/web_files.c: packaging/embed $(WEB_FILES) admin/web
	@mkdir -p $(@D)
	packaging/embed $(WEB_FILES) >$@.new
	mv $@.new $@
$(B)/obj/web_files.o: $(B)/web_files.c $(B)/flags $(B)/config.mk
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@
$(call archive,admin): $(B)/obj/web_files.o

define program_rule
$(B)/$(1): $(patsubst %.c,$(B)/obj/%.o,$(SRC_$(1))) $(ARCHIVES)
	$$(CC) $$(ALL_LDFLAGS) -o $$@ $$(filter %.o,$$^) -Wl,--start-group $(ARCHIVES) -Wl,--end-group $$(LIBS)
endef
$(foreach p,$(PROGRAMS),$(if $(SRC_$(p)),$(eval $(call program_rule,$(p)))))

-include $(shell [ -d $(B) ] && find $(B) -name '*.d')

# --- what is written from the tables of commands and verbs ---

$(B)/pbctl.1: cmd/pbdoc/pbctl.1.in $(B)/pbdoc
	$(B)/pbdoc $< >$@.new
	mv $@.new $@

$(B)/pbctl.bash: $(B)/pbctl
	$(B)/pbctl completion bash >$@.new
	mv $@.new $@

docs: $(B)/pbdoc
	$(B)/pbdoc cmd/pbdoc/xml.md.in >docs/xml.md.new
	mv docs/xml.md.new docs/xml.md
	$(B)/pbdoc cmd/pbdoc/tables.js.in >admin/web/tables.js.new
	mv admin/web/tables.js.new admin/web/tables.js

# --- unit tests: each includes its module and sees its own floor and those below ---

SEES_base := base
SEES_net := net base
SEES_wire := wire base
SEES_store := store wire base
SEES_shm := shm base
SEES_guard := guard store wire shm base
SEES_route := route store wire shm base
SEES_sister := sister net store wire shm base
SEES_session := session net wire guard route store shm base
SEES_admin := admin net guard route store wire shm base
SEES_cmd := $(FLOORS) shm admin
SEES_pbctl := $(SEES_cmd)

floor_of = $(notdir $(patsubst %/,%,$(dir $(shell sed -n 's/^\#include "\(.*\.c\)"/\1/p' $(1) | head -n 1))))

define unit_rule
$(B)/test/$(notdir $(1:.c=)): $(1) $(B)/flags $(B)/config.mk $(foreach f,$(SEES_$(call floor_of,$(1))),$(B)/lib$(f).a)
	@mkdir -p $$(@D)
	@[ -n '$$(CHECK_LIBS)' ] || { echo 'check is missing: apt-get install check libsubunit-dev' >&2; exit 1; }
	$$(CC) $$(ALL_CFLAGS) $$(CHECK_CFLAGS) -Itest -MMD -MP $$(ALL_LDFLAGS) -o $$@ $$< \
		-Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $$(CHECK_LIBS) $$(LIBS) -lm
endef
$(foreach t,$(UNIT_SRC),$(eval $(call unit_rule,$(t))))

UNIT_RUN := $(if $(T),$(B)/test/test_$(T),$(UNIT))
unit: $(UNIT_RUN)
	@test/unit/run $(UNIT_RUN)

unit-valgrind: $(UNIT_RUN)
	@RUN='valgrind -q --leak-check=full --errors-for-leak-kinds=definite --error-exitcode=99' \
		CK_FORK=no test/unit/run $(UNIT_RUN)

FUZZ := $(patsubst test/fuzz/%.c,$(B)/fuzz/%,$(wildcard test/fuzz/fuzz_*.c))
fuzz-build: $(FUZZ)
# Beyond lib/wire and lib/base, by harness.
FUZZ_WITH_fuzz_xml_in := admin/xml_in.c admin/xml_out.c
FUZZ_WITH_fuzz_password := lib/store/password.c
FUZZ_WITH_fuzz_guard := $(patsubst %,lib/guard/%.c,pack tally slide greylist trust sketch conduct \
	envelope_key)
$(B)/fuzz/%: test/fuzz/%.c $(wildcard lib/wire/*.c lib/base/*.c) $(B)/config.mk
	@mkdir -p $(@D)
	clang -std=c17 -D_GNU_SOURCE -I. -g -O1 -fsanitize=fuzzer,address,undefined -o $@ $< \
		$(FUZZ_WITH_$*) $(wildcard lib/wire/*.c) $(wildcard lib/base/*.c) $(LIBS)

# --- the whole ---

# Composes a message on standard output, for test/e2e/test_autoreply.py.
COMPOSE_SEES := $(foreach f,$(SEES_wire),$(B)/lib$(f).a)
$(B)/test/compose: test/e2e/compose.c $(COMPOSE_SEES) $(B)/flags $(B)/config.mk
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP $(ALL_LDFLAGS) -o $@ $< -Wl,--start-group $(COMPOSE_SEES) \
		-Wl,--end-group $(LIBS)

# Looks at the console's pages as those need them who do not see well; for tests alone.
AXE := 4.14.1
$(B)/axe-$(AXE).js:
	@mkdir -p $(@D)
	@command -v npm >/dev/null || { echo 'npm is missing: apt-get install npm' >&2; exit 1; }
	cd $(B) && npm pack --silent axe-core@$(AXE) >/dev/null && \
		tar -xzOf axe-core-$(AXE).tgz package/axe.min.js >axe-$(AXE).js.new && \
		mv axe-$(AXE).js.new axe-$(AXE).js

e2e: all $(B)/test/compose $(B)/axe-$(AXE).js
	PB_BUILD=$(abspath $(B)) $(PYTEST) -q -p no:cacheprovider test/e2e

screenshots: all
	packaging/deps build test
	PB_BUILD=$(abspath $(B)) /usr/bin/python3 test/e2e/screenshots.py $(B)/screenshots

check:
	packaging/deps build test
	$(MAKE) WERROR=1 all
	$(MAKE) layers
	$(MAKE) WERROR=1 unit
	$(MAKE) WERROR=1 sim-check
	$(MAKE) WERROR=1 e2e

check-full: check
	$(MAKE) SAN=address,undefined WERROR=1 unit
	PB_LONG=1 $(MAKE) SAN=address,undefined WERROR=1 e2e
	$(MAKE) unit-valgrind

bench:
	packaging/deps build bench
	$(MAKE) all
	PB_BUILD=$(abspath $(B)) test/bench/run

# Look-ups beside what the script does: with the store and the rooms below it.
BENCH_SEES := $(foreach f,$(SEES_store),$(B)/lib$(f).a)
$(B)/bench/accounts: test/bench/accounts.c $(BENCH_SEES) $(B)/flags $(B)/config.mk
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP $(ALL_LDFLAGS) -o $@ $< -Wl,--start-group $(BENCH_SEES) \
		-Wl,--end-group $(LIBS)

GUARD_SEES := $(B)/libguard.a $(foreach f,$(SEES_guard),$(B)/lib$(f).a)
$(B)/bench/guard: test/bench/guard.c $(GUARD_SEES) $(B)/flags $(B)/config.mk
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP $(ALL_LDFLAGS) -o $@ $< -Wl,--start-group $(GUARD_SEES) \
		-Wl,--end-group $(LIBS)

SHM_SEES := $(foreach f,$(SEES_shm),$(B)/lib$(f).a)
$(B)/bench/dictionary: test/bench/dictionary.c $(SHM_SEES) $(B)/flags $(B)/config.mk
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP $(ALL_LDFLAGS) -o $@ $< -Wl,--start-group $(SHM_SEES) \
		-Wl,--end-group $(LIBS)

bench-guard: all $(B)/bench/guard $(B)/bench/dictionary
	$(B)/bench/dictionary 1000000 64
	$(B)/bench/dictionary 1000000 4
	d=$$(mktemp -d) && $(B)/bench/guard $$d 1000000; r=$$?; rm -rf $$d; exit $$r

bench-accounts: all $(B)/bench/accounts
	PB_BUILD=$(abspath $(B)) test/bench/accounts

demo:
	packaging/deps build demo
	$(MAKE) all
	PB_BUILD=$(abspath $(B)) packaging/demo

# The guard in virtual time (docs/simulation.md): it sees what the guard sees.
SIM_SRC := $(wildcard test/sim/*.c)
SIM_SEES := $(foreach f,$(SEES_guard),$(B)/lib$(f).a)
SIM_SIZES := -n 1000 -n 20000 -n 200000
$(B)/test/mailworld: $(SIM_SRC:%.c=$(B)/obj/%.o) $(SIM_SEES)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(SIM_SEES) -Wl,--end-group $(LIBS) -lm

sim: $(B)/test/mailworld
	for more in '' -p '-m today' '-m today -p'; do $< $(SIM_SIZES) -s 5 -S 201 -j 2 -v $$more || exit; done

# Short, half a minute: what must hold in any world.
sim-check: $(B)/test/mailworld
	$< -n 1000 -n 20000 -d 10 -w 5 -j 2 -c

# --- form ---

C_FILES = $(shell git ls-files '*.c' '*.h')
fmt:
	clang-format -i $(C_FILES)

layers:
	@test/lint/layers

lint: layers $(B)/config.mk
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 -I. \
		--enable=warning,performance,portability \
		--suppressions-list=test/lint/cppcheck.txt $(FLOOR_DIRS) cmd
	clang-tidy --quiet $(filter-out test/%,$(filter %.c,$(C_FILES))) -- -std=c17 -D_GNU_SOURCE \
		-DPB_VERSION='""' -I. $(LIB_CFLAGS)

install: all
	install -d $(DESTDIR)$(prefix)/bin $(DESTDIR)$(prefix)/share/man/man1 \
		$(DESTDIR)$(prefix)/share/man/man8 $(DESTDIR)$(prefix)/lib/systemd/system \
		$(DESTDIR)$(prefix)/share/bash-completion/completions \
		$(DESTDIR)$(prefix)/share/doc/protobalance/examples
	install -m 644 README.md CHANGELOG.md SECURITY.md docs/xml.md docs/outgoing.md docs/tcp.md docs/guard.md \
		docs/simulation.md \
		$(DESTDIR)$(prefix)/share/doc/protobalance
	install -m 755 $(filter-out %.md,$(wildcard docs/examples/*)) \
		$(DESTDIR)$(prefix)/share/doc/protobalance/examples
	install -m 644 docs/examples/README.md $(DESTDIR)$(prefix)/share/doc/protobalance/examples
	install -m 755 $(B)/protobalance $(B)/pbctl $(DESTDIR)$(prefix)/bin
	for m in $(MAN); do install -m 644 $$m $(DESTDIR)$(prefix)/share/man/man$${m##*.}; done
	install -m 644 $(B)/pbctl.bash $(DESTDIR)$(prefix)/share/bash-completion/completions/pbctl
	sed 's|@prefix@|$(prefix)|' packaging/protobalance.service \
		>$(DESTDIR)$(prefix)/lib/systemd/system/protobalance.service

clean:
	rm -rf $(B)
distclean: clean
	rm -rf build
