# `make help` lists the targets. What each layer of tests decides: docs/TESTING.md.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: build demo test test-unit test-netns test-interop test-guest test-chaos fuzz bench lint fmt deps help

GO ?= go
BIN := bin/understudy
FUZZTIME ?= 3s
RUN ?= .
LINT := $(GO) tool -modfile=tools.mod golangci-lint

# Tests that need namespaces run as root, else in a user namespace of their own.
# Where there is neither they fail in CI (CI=true) and are skipped by name elsewhere.
# $(1) names the layer, $(2) is the command.
define in_namespaces
	export UNDERSTUDY_BIN=$(CURDIR)/$(BIN); \
	if [ "$$(id -u)" = 0 ]; then $(2); \
	elif unshare -Urnm true 2>/dev/null; then \
	  unshare -Urnm --propagation private bash -euc 'mount -t tmpfs tmpfs /run; $(2)'; \
	elif [ "$${CI:-}" = true ]; then echo "$(1): needs root or user namespaces" >&2; exit 1; \
	else echo "$(1): skipped: needs root or user namespaces"; fi
endef

# Packages whose tests need neither root nor the daemon.
UNIT = $(shell $(GO) list ./... | grep -vE '/integration/(netns|interop|chaos|lab|scenario)(/|$$)')

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/understudy
	CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN) ./cmd/understudy

demo: build ## live lab: two routers, a client, crashes and a takeover (root)
	@$(BIN) demo

test: ## install what is missing, then every layer
	@$(MAKE) --no-print-directory deps
	@for layer in build lint test-unit fuzz test-netns test-interop test-guest test-chaos; do \
	  echo "== $$layer"; start=$$SECONDS; $(MAKE) --no-print-directory $$layer; echo "== $$layer: $$((SECONDS - start)) s"; done
	@echo "== demo"; start=$$SECONDS; $(call in_namespaces,demo,$(BIN) demo --headless); echo "== demo: $$((SECONDS - start)) s"

test-unit: ## cores, codecs, shells in virtual time, import rules; with the race detector
	$(GO) test -race -timeout 4m -run '$(RUN)' $(UNIT)

test-netns: build ## scenarios with real daemons in network namespaces; RUN=regexp
	@$(call in_namespaces,test-netns,$(GO) test -count=1 -parallel 8 -timeout 6m -run "$(RUN)" ./cmd/understudy ./netio/... ./integration/lab ./integration/netns)

test-interop: build ## the same against Debian keepalived in both roles; RUN=regexp
	@$(call in_namespaces,test-interop,$(GO) test -count=1 -parallel 8 -timeout 6m -run "$(RUN)" ./integration/interop)

test-guest: ## tests that need a kernel of their own in QEMU
	@echo "no guest tests exist yet"

test-chaos: build ## kill every kind of actor under load; RUN=regexp
	@$(call in_namespaces,test-chaos,$(GO) test -count=1 -parallel 4 -timeout 4m -run "$(RUN)" ./integration/chaos)

# Now and then a target that found nothing ends with "context deadline exceeded": Go's fuzzer
# takes the end of its own time for an error. That alone, without a failing input, is tried again.
fuzz: ## each fuzz target for FUZZTIME (3s)
	@log=$$(mktemp); trap 'rm -f "$$log"' EXIT; \
	once() { $(GO) test -run '^$$' -fuzz "^$$2$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x "$$1" 2>&1 | tee "$$log"; }; \
	while read -r dir target; do \
	  echo "-- $$target"; \
	  if once "$$dir" "$$target"; then continue; fi; \
	  grep -q '^ *context deadline exceeded$$' "$$log"; \
	  if grep -qiE 'failing input|panic' "$$log"; then exit 1; fi; \
	  once "$$dir" "$$target"; \
	done < <(grep -ro --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sed 's|/[^/]*:func | |' | sort)

bench: build ## takeover, scale and CPU beside keepalived; PART=failover RUNS=5 LONG=1
	@python3 integration/bench/run.py --binary $(BIN) $(if $(PART),--part $(PART)) $(if $(RUNS),--runs $(RUNS)) $(if $(LONG),--long)

lint: ## golangci-lint, pinned in tools.mod
	$(LINT) run

fmt: ## format all Go files
	$(LINT) fmt

# Go itself is the one thing expected to be there.
DEPS := keepalived:keepalived tcpdump:tcpdump ip:iproute2 ping:iputils-ping python3:python3 unshare:util-linux gcc:gcc
deps: ## install what the tests need (Debian, root)
	@export PATH="$$PATH:/usr/sbin:/sbin"; missing=; \
	for d in $(DEPS); do command -v $${d%%:*} >/dev/null || missing+=" $${d##*:}"; done; \
	[[ " $$missing " != *" gcc "* ]] || missing+=" libc6-dev"; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ]; then echo "missing, and installing needs root:$$missing" >&2; exit 1; fi; \
	apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing
