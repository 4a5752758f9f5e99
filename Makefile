# The whole build of Pawprint. `make help` lists the targets.
#
#   SAN=address,undefined   build and test with sanitizers, in a folder of its own
#   SAN=thread              the same for data races
#   WERROR=1                warnings are errors (CI)
#   CC=clang                any of gcc >= 12, clang >= 14

# --- variables -------------------------------------------------------------
SAN ?=
comma := ,
B := build$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wformat=2 -Wundef \
 -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wcast-align \
 -Wwrite-strings -Wpointer-arith -Wswitch-enum -Wnull-dereference \
 $(if $(WERROR),-Werror)
HARDEN := -fstack-protector-strong -fstack-clash-protection -fPIE \
 $(if $(SAN)$(findstring sanitize,$(CFLAGS)),,-D_FORTIFY_SOURCE=3)
CFLAGS ?= -O2 -g
PKG := -isystem $(shell pg_config --includedir 2>/dev/null)
ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE $(CFLAGS) $(WARN) $(HARDEN) \
 $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer) \
 -Icommon -I$B/gen $(PKG) -MMD -MP
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now $(LDFLAGS) $(if $(SAN),-fsanitize=$(SAN))

# Only those that a program uses end up in it.
LIBS := -Wl,--as-needed -lrdkafka -lmicrohttpd -lpq -lhiredis -lcurl -lsodium -lz -lbrotlidec -lzstd \
 -lmaxminddb -lpcre2-8 -llz4 -lm -lpthread

LIB := $B/libpawprint.a
SCHEMAS := $(patsubst schemas/%.avsc,%,$(wildcard schemas/*.avsc))
TEST_SCHEMAS := $(patsubst tests/schemas/%.avsc,%,$(wildcard tests/schemas/*.avsc))
GEN_OBJ := $(SCHEMAS:%=$B/gen/%.o) $B/gen/plans.o
GEN_H := $(SCHEMAS:%=$B/gen/%.h) $(TEST_SCHEMAS:%=$B/gen/%.h)
LIB_OBJ := $(patsubst common/%.c,$B/common/%.o,$(wildcard common/*.c)) $(GEN_OBJ) $B/gen/messages.o
SERVICES := $(patsubst services/%/main.c,%,$(wildcard services/*/main.c))
LOGIC := $(filter-out %/main.c,$(wildcard services/*/*.c))
TESTS := $(patsubst tests/%.c,$B/tests/%,$(wildcard tests/unit/*/test_*.c))
ITESTS := $(patsubst tests/%.c,$B/tests/%,$(wildcard tests/integration/*/test_*.c))

.DEFAULT_GOAL := all
.SECONDARY:
.SECONDEXPANSION:

# ThreadSanitizer sees no threads but those of POSIX; librdkafka's are C11's.
TSAN_OBJ := $(if $(findstring thread,$(SAN)),$B/tests/tsan/threads.o)
export TSAN_OPTIONS := suppressions=$(CURDIR)/tests/tsan/suppressions

# --- library, services -----------------------------------------------------
all: $(LIB) $(SERVICES:%=$B/bin/%) ## builds everything into build/

$(LIB): $(LIB_OBJ)
	@rm -f $@ && ar rcs $@ $^

$B/gen/%.c $B/gen/%.h &: schemas/%.avsc schemas/gen.py $$(wildcard schemas/history/%.*.avsc)
	@mkdir -p $B/gen && python3 schemas/gen.py $< $B/gen

$B/gen/%.c $B/gen/%.h &: tests/schemas/%.avsc schemas/gen.py $$(wildcard tests/schemas/history/%.*.avsc)
	@mkdir -p $B/gen && python3 schemas/gen.py $< $B/gen

$B/gen/migrations.c: schemas/embed.py $(wildcard schemas/*/*.sql)
	@mkdir -p $B/gen && python3 schemas/embed.py $B/gen

$B/gen/plans.c: schemas/plans.py schemas/plans.json
	@mkdir -p $B/gen && schemas/plans.py $B/gen
$B/gen/plans.o: ALL_CFLAGS += -Wno-overlength-strings

# The texts of messages, which the notifier sends and the CLI shows.
$B/gen/messages.c: $(wildcard common/messages/*)
	@mkdir -p $B/gen && common/messages/embed.py $B/gen
$B/gen/messages.o: ALL_CFLAGS += -Wno-overlength-strings

# What a service has beside its C files, made for it.
MADE_FOR_pawprint := $B/gen/migrations.o $B/billing.a
MADE_FOR_collector := $B/gen/script.o
MADE_FOR_billing := $B/gen/billing_page.o
# The CLI repairs with the code that billing works with.
$B/billing.a: $(patsubst services/%.c,$B/services/%.o,$(filter services/billing/%,$(LOGIC)))
	@rm -f $@ && ar rcs $@ $^
$B/services/pawprint/main.o $(patsubst %.c,$B/%.o,$(wildcard services/pawprint/billing*.c)): ALL_CFLAGS += -Iservices/billing
$B/gen/migrations.o: ALL_CFLAGS += -Iservices/pawprint -Wno-overlength-strings
$B/gen/script.o: ALL_CFLAGS += -Iservices/collector
$B/gen/billing_page.o: ALL_CFLAGS += -Iservices/billing -Wno-overlength-strings

$B/gen/billing_page.c: $(wildcard services/billing/page/*)
	@mkdir -p $B/gen && services/billing/page/embed.py $B/gen

$B/gen/script.c: $(wildcard services/collector/script/*)
	@mkdir -p $B/gen && services/collector/script/build $B/gen

$B/gen/%.o: $B/gen/%.c
	@echo "cc   $<" && $(CC) $(ALL_CFLAGS) -c -o $@ $<

$B/%.o: %.c | $(GEN_H)
	@mkdir -p $(@D) && echo "cc   $<" && \
	$(CC) $(ALL_CFLAGS) $(if $(findstring tests/,$<),-Itests) \
	 $(patsubst tests/unit/%/,-Iservices/%,$(filter tests/unit/%,$(dir $<))) \
	 $(patsubst tests/integration/%/,-Iservices/%,$(filter tests/integration/%,$(dir $<))) \
	 $(if $(findstring tests/fuzz/,$<),$(addprefix -Iservices/,$(SERVICES) enricher writer)) \
	 -c -o $@ $<

# Functions, since a % would be taken for the stem in the rules that use them.
folder_of = $(notdir $(patsubst %/,%,$(dir $1)))
objects_of = $(patsubst services/%.c,$B/services/%.o,$(filter services/$1/%,$(LOGIC))) $(MADE_FOR_$1)

$(SERVICES:%=$B/bin/%): $B/bin/%: $B/services/%/main.o $$(call objects_of,%) $(TSAN_OBJ) $(LIB)
	@mkdir -p $(@D) && echo "link $@" && \
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# --- tests -----------------------------------------------------------------
# A test in tests/unit/NAME/ links the logic of services/NAME/, not its main.c.
$(TESTS) $(ITESTS): $B/tests/%: $B/tests/%.o $$(call objects_of,$$(call folder_of,$$*)) \
 $(TEST_SCHEMAS:%=$B/gen/%.o) $(TSAN_OBJ) $(LIB)
	@mkdir -p $(@D) && echo "link $@" && \
	$(CC) $(ALL_LDFLAGS) -o $@ $^ -lcmocka -lavro -lbrotlienc $(LIBS)

unit: $(TESTS) ## unit tests only, with this SAN
	@tests/run $(TESTS)

# A fuzz target is a file tests/fuzz/fuzz_*.c; libFuzzer comes with clang.
SECONDS ?= 60
FUZZ := $(patsubst tests/fuzz/%.c,build/fuzz/bin/%,$(wildcard tests/fuzz/fuzz_*.c))

fuzz: ## runs every fuzz target for SECONDS=60 each, on the kept corpus
	@tests/stack/install --fuzz
	@$(MAKE) --no-print-directory CC=clang B=build/fuzz \
	 CFLAGS='-O1 -g -fsanitize=fuzzer-no-link,address,undefined' $(FUZZ)
	@tests/fuzz/run $(SECONDS) $(FUZZ)

# A target may link the logic of the services; only what it uses ends up in it.
FUZZ_LOGIC := build/fuzz/liblogic.a
$(FUZZ_LOGIC): $(patsubst services/%.c,$B/services/%.o,$(filter-out services/pawprint/%,$(LOGIC))) \
 $(patsubst %,$B/services/pawprint/%.o,manifest manifest_read tally) $B/gen/script.o $B/gen/billing_page.o
	@rm -f $@ && ar rcs $@ $^

build/fuzz/bin/%: build/fuzz/tests/fuzz/%.o $(FUZZ_LOGIC) build/fuzz/libpawprint.a
	@mkdir -p $(@D) && echo "link $@" && \
	$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer,address,undefined -o $@ $^ $(LIBS)

integration: $(ITESTS) $(SERVICES:%=$B/bin/%) ## integration tests, on a stack of their own
	@tests/integration/run $(ITESTS)

KIT := $(patsubst tests/kit/%.c,$B/bin/%,$(wildcard tests/kit/*.c))
$(KIT): $B/bin/%: $B/tests/kit/%.o $(TSAN_OBJ) $(LIB)
	@mkdir -p $(@D) && echo "link $@" && $(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# Gives a service a wall clock that is wrong, for tests of what it does then.
build/kit/clock.so: tests/kit/preload/clock.c
	@mkdir -p $(@D) && $(CC) -std=gnu17 -D_GNU_SOURCE $(WARN) -O2 -fPIC -shared -o $@ $<

local-e2e: all $(KIT) build/kit/clock.so ## end-to-end tests, hits in and rows out; E2E=load for one file
	@$(if $(SAN),$(MAKE) --no-print-directory SAN= all build/bin/produce)
	@PAWPRINT_BIN=$(CURDIR)/$B/bin tests/e2e/run $(E2E)

# Kills a server at a rename, for tests of what it leaves behind.
build/crash/rename.so: tests/crash/rename.c
	@mkdir -p $(@D) && $(CC) -std=gnu17 -D_GNU_SOURCE $(WARN) -O2 -fPIC -shared -o $@ $<

SEEDS ?= 1
SEED ?=
ENGINE ?=
crash: ready $(KIT) build/crash/rename.so ## kills at named points; SERVICE=writer|meter|notifier|reports|billing|billing-deliveries|billing-away SEEDS=20, or SEED=7, ENGINE=modern|old, SUBSCRIPTIONS=500 KILLS=20 of reports
	@tests/crash/run "$(or $(SERVICE),writer)" "$(SEEDS)" "$(SEED)" "$(ENGINE)"

RUNS ?= 100
prove-upgrade: ready $(KIT) build/kit/clock.so ## from a plan's change to the first hit taken in each of three collectors; RUNS=100
	@tests/crash/run upgrade "$(RUNS)" 1

drill: ready $(KIT) ## loses Postgres and ClickHouse, restores them from a folder and from S3; prints RPO and RTO
	@tests/drill/run

contract: all ## the running collector and billing against docs/openapi; SEED=7 EXAMPLES=500
	@tests/contract/run

helm-test: all ## the chart without a cluster: schema, refusals, golden files, kubeconform, kube-score
	@tests/helm/run

k8s-test: inputs ## both charts with real pods on a real Kubernetes that is built here; exit code 3: NOT RUN
	@tests/cluster/run

test: ## installs what it needs, then every test, also under the sanitizers
	@tests/stack/install
	@tests/all

# --- what it costs ---------------------------------------------------------
$B/bin/floor: $B/tests/bench/floor.o
	@mkdir -p $(@D) && echo "link $@" && $(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$B/bin/bench-ua: $B/tests/bench/ua.o $(patsubst services/%.c,$B/services/%.o,$(filter services/enricher/%,$(LOGIC))) $(LIB)
	@mkdir -p $(@D) && echo "link $@" && $(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$B/bin/bench-send: $B/tests/bench/send.o $(call objects_of,writer) $(LIB)
	@mkdir -p $(@D) && echo "link $@" && $(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$B/bin/bench-deliver: $B/tests/bench/deliver.o $(LIB)
	@mkdir -p $(@D) && echo "link $@" && $(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$B/bin/bench-meter: $B/tests/bench/meter.o $(patsubst services/%.c,$B/services/%.o,$(filter services/meter/%,$(LOGIC))) $(LIB)
	@mkdir -p $(@D) && echo "link $@" && $(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$B/bin/bench-jobs: $B/tests/bench/jobs.o $(patsubst services/%.c,$B/services/%.o,$(filter services/reports/%,$(LOGIC))) $(LIB)
	@mkdir -p $(@D) && echo "link $@" && $(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$B/tests/bench/jobs.o: ALL_CFLAGS += -Iservices/reports
$B/tests/bench/meter.o: ALL_CFLAGS += -Iservices/meter
$B/tests/bench/ua.o: ALL_CFLAGS += -Iservices/enricher
$B/tests/bench/send.o: ALL_CFLAGS += -Iservices/writer

$B/bin/bench-capacity: $B/tests/bench/capacity.o $B/services/collector/capacities.o $(LIB)
	@mkdir -p $(@D) && echo "link $@" && $(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$B/tests/bench/capacity.o: ALL_CFLAGS += -Iservices/collector

SERVICE ?=
bench: ready $B/bin/floor $B/bin/bench-ua $B/bin/bench-send $B/bin/bench-capacity $B/bin/bench-meter $B/bin/bench-deliver $B/bin/bench-jobs $(KIT) ## CPU time per event and its ratio to the limit; SERVICE=writer
	@tests/bench/run $(SERVICE)

# --- running it ------------------------------------------------------------
ready: deps
	@$(MAKE) --no-print-directory -j$$(nproc) all

demo: ready $B/bin/capacity ## everything at work: real servers, a browser's visit, the numbers
	@tests/demo/demo

demo-down: ## stops what demo or up started; data stays in build/run
	@tests/demo/demo down

up: ready ## stack and services without traffic; addresses in build/run/env
	@tests/stack/up --fsync && tests/stack/services up

down: demo-down ## the same as demo-down

status: ## what runs
	@tests/stack/services status

deps: ## installs the packages that building and testing need (Debian, root)
	@tests/stack/install

# What images are built from beside the source, pinned and checked.
inputs: $B/gen/script.c
	@services/enricher/data/geo/fetch

E2E ?=
e2e: all $(KIT) inputs ## journeys on a Docker engine: builds, starts, runs, takes everything away; exit code 3: NOT RUN
	@tests/standins/with-engine tests/compose/run $(E2E)

footprint: all inputs ## memory of idle services, sizes of images, how soon each is ready
	@tests/standins/with-engine tests/compose/run footprint

images: inputs ## the image of every program, with sizes; PAWPRINT_TAG=dev
	@tests/standins/with-engine compose/images

# --- tools -----------------------------------------------------------------
docs: all ## docs/configuration.md from the settings in the code
	@docs/make-configuration $B/bin >docs/configuration.md

check-docs: all ## whether the documents say what is so
	@tests/docs/run

lint: ## shellcheck, hadolint, yamllint and actionlint over all that they understand
	@tests/lint/run

ops-test: all ## alert rules, routes, dashboards and runbooks against the services
	@tests/ops/run

format: ## clang-format over the whole tree
	clang-format -i $$(git ls-files '*.c' '*.h')

clean: ## removes what was built; keeps what was downloaded
	rm -rf $B/common $B/gen $B/services $B/tests $B/bin $(LIB) build/san-*

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: lint drill e2e footprint inputs images ops-test crash prove-upgrade contract bench docs check-docs all unit integration local-e2e fuzz test ready demo demo-down up down status deps format clean help helm-test k8s-test
-include $(shell find $B -name '*.d' 2>/dev/null)
