# Vitrine. `make` is the check before a push; `make demo` and `make test` are what a fresh machine needs.
GO ?= go
BIN := bin/vitrine
SUITE := ../shared/conformance/component-model
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: all check build test kube sdks reset attribution conformance guests cross arm64 prove reencoded racing demo generate drift format lint bench compare density mixed noisy soak fuzz hostile clean

all: check

check: format lint drift test

build: $(BIN)

# Without symbols, which nothing reads: they are a third of the size.
$(BIN): FORCE
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w" -o $(BIN) ./cmd/vitrine

FORCE:

# Every test: of the root module, against a real OpenTelemetry Collector, which is built the first time, of the viewer in a real Chromium, and of the
# operator against a real control plane of Kubernetes, if there is one (STRICT=1 builds it, as make kube does). Each part ends with
# its figures and what was skipped, and why; STRICT=1 fails on a skip that tests/archtest/skips/skips.txt does not list. RACE=1
# adds the race detector (it needs a C compiler; nothing else here does) and tests of allocations without it. The last four build
# the binary themselves, which Go's cache of test results does not see.
COUNT := $(GO) run ./tests/archtest/skips $(if $(STRICT),-strict)
test:
	$(COUNT) $(GO) test -json $(if $(RACE),-race -timeout 30m) $$($(GO) list ./... | grep -v '/e2e$$')
	$(if $(RACE),$(GO) test -run 'Alloc|CostsNothing' ./telemetry/... ./internal/cm/instance)
	$(COUNT) $(GO) test -json -count=1 -timeout 20m ./e2e
	$(COUNT) $(GO) test -C tests/collector -json -count=1 -timeout 20m ./...
	$(COUNT) $(GO) test -C tests/browser -json -count=1 -timeout 20m ./...
	$(if $(STRICT),operator/e2e/install.sh)
	cd examples/controller && $(GO) test ./...
	$(COUNT) $(GO) test -C operator -json -count=1 -timeout 20m ./...

# Builds the control plane of Kubernetes that the operator's tests run against; without it they are skipped. It takes 10 minutes the first time.
kube:
	operator/e2e/install.sh

# Each SDK as its README says it is used: its tests, its example built from a clean checkout, and a request to the example through the
# binary. Each script says what it needs, and gets from the package managers what is missing.
sdks: build
	@set -e; for sdk in go rust ts; do echo "sdk/$$sdk"; VITRINE=$(CURDIR)/$(BIN) sdk/$$sdk/ci.sh; done

# A thousand resets of each prebuilt guest, after random uses, compared with new instances; `make test` has fewer. Takes some
# minutes, and prints a table.
reset:
	VITRINE_RESETS=$(or $(RESETS),1000) $(GO) test -count=1 -timeout 60m -v -run '^(TestResetsAreFresh|TestDrawsDoNotRepeat)$$' ./component

# Asks every guest that this version runs what testdata/guests/README.md says of it.
prove: build
	testdata/guests/prove.py --vitrine $(BIN)

# The same of the guests as our encoder makes them of their modules; those that are composed are as they were. rust-cli-ctors-p2
# does what rust-cli-p2 does: the trap is of the adapter that it was made with, which has the host's results in memory of the guest's
# cabi_realloc, where nothing may leave the instance; ours has them in its own memory.
reencoded: build
	@rm -rf bin/reencoded && mkdir -p bin/reencoded
	VITRINE_REENCODED=$(CURDIR)/bin/reencoded $(GO) test -count=1 -run '^TestReencode$$' ./internal/cm/encode
	testdata/guests/prove.py --vitrine $(BIN) --guests bin/reencoded

# Prints what hostile guests have tried and what they got, in the library and in the binary.
hostile:
	$(GO) test -count=1 -v -run '^TestHostile' ./component ./e2e

# Runs the Component Model's official suite, from ../shared or from a clone of it: SUITES=path…, which may be any folders or
# .wast files. Builds the tool that converts them, which takes cargo and some minutes the first time.
conformance:
	@test -n '$(SUITES)' || test -d $(SUITE) || { echo 'the official suite is not in $(SUITE): clone WebAssembly/component-model and say SUITES=path/to/component-model/test' >&2; exit 1; }
	$(GO) run ./tests/wast/wastrun -install $(or $(SUITES),$(SUITE))

# Rebuilds the guests of testdata/guests; see its README for what that needs.
guests:
	testdata/guests/build/all.sh '$(ONLY)'

# Builds and vets everything, with tests, for the systems that are not at hand.
cross:
	@set -e; for at in $(or $(PLATFORMS),darwin/amd64 darwin/arm64 windows/amd64 windows/arm64 freebsd/amd64 freebsd/arm64 linux/arm64); do \
		echo "build and vet for $$at"; \
		export GOOS=$${at%/*} GOARCH=$${at#*/} CGO_ENABLED=0; \
		$(GO) build ./... && $(GO) vet ./... && (cd tests/collector && $(GO) vet ./...) && (cd tests/browser && $(GO) vet ./...); \
		case $$at in linux/*) (cd operator && $(GO) vet ./...);; esac; \
	done

# Runs for linux/arm64 what depends on the machine (engine, canonical ABI, resets, core checks of the guests' proof) under an
# emulator: Debian's qemu-user-static, or QEMU=path. There the engine compiles for arm64. Takes minutes.
QEMU ?= qemu-aarch64-static
arm64:
	@command -v $(QEMU) >/dev/null || { echo '$(QEMU) is not here: install qemu-user-static, or name an emulator in QEMU' >&2; exit 1; }
	VITRINE_TEST_EMULATOR=$(QEMU) VITRINE_RESETS=2 $(COUNT) env GOARCH=arm64 CGO_ENABLED=0 $(GO) test -json -timeout 20m -exec $(QEMU) ./internal/core ./internal/cm/canon ./internal/corewasm
	VITRINE_RESETS=2 $(COUNT) env GOARCH=arm64 CGO_ENABLED=0 $(GO) test -json -timeout 20m -run 'Reset|PlainGuests' -exec $(QEMU) ./component
	@mkdir -p bin/arm64
	GOARCH=arm64 CGO_ENABLED=0 $(GO) build -trimpath -o bin/arm64/vitrine ./cmd/vitrine
	@printf '#!/bin/sh\nexec %s %s "$$@"\n' $(QEMU) $(CURDIR)/bin/arm64/vitrine >bin/arm64/emulated; chmod +x bin/arm64/emulated
	VITRINE_CACHE_DIR=$(CURDIR)/bin/arm64/cache testdata/guests/prove.py --vitrine bin/arm64/emulated --only '^(rust-http-full|shop|rust-cli-hostile|rust-service|wat-table)'

# Serves the bundled components, sends each a request, prints each trace as a tree, serves on until Ctrl-C.
# DEMO_ONCE=1 ends it after the last tree.
demo: build
	$(GO) run ./examples/demo $(BIN) examples/demo/vitrine.yaml

generate:
	$(GO) generate ./...
	cd examples/embed/bindings && $(GO) generate ./...
	cd sdk/go && $(GO) generate ./...
	cd examples/otel-go && $(GO) generate ./...
	cd examples/controller && $(GO) generate ./...
	cd operator && $(GO) generate ./...
	$(GO) generate ./cli/internal/scaffold # copies what sdk/go has

# Fails if what is generated is not what is checked in. In-memory drift tests cover the same for `make test`.
drift: generate
	@git diff --exit-code --stat -- '*.gen.go' '*.schema.json' wasi/FUNCTIONS*.md testdata/surface/*.wat view/internal/web/dist operator/config operator/chart || (echo 'generated files are stale: commit what make generate wrote' >&2; exit 1)

format:
	@out=$$(gofmt -s -l $$(git ls-files '*.go')); test -z "$$out" || (echo "not gofmt'ed: $$out" >&2; exit 1)

lint:
	$(GO) vet ./...
	@set -e; for m in tests/collector/ tests/browser/ operator/ examples/embed/*/go.mod; do cd $(CURDIR)/$${m%go.mod} && $(GO) vet ./...; done
	$(GO) run $(STATICCHECK) ./...
	@GOBIN=$(CURDIR)/bin $(GO) install $(STATICCHECK) # "go run" would build it for GOOS; it does not know go:wasmexport, so that it takes too much for unused
	@set -e; for m in sdk/go examples/otel-go examples/controller; do cd $(CURDIR)/$$m && $(GO) vet ./... && \
		GOOS=wasip1 GOARCH=wasm $(GO) vet ./... && GOOS=wasip1 GOARCH=wasm $(CURDIR)/bin/staticcheck -checks inherit,-U1000 ./...; done
	@cd sdk/go && $(CURDIR)/bin/staticcheck ./...
	@cd operator && $(CURDIR)/bin/staticcheck ./...

# Benchmarks beside the code; bench/ measures whole processes: make compare, density, mixed, noisy or soak, with flags in ARGS.
bench:
	$(GO) test -run '^$$' -bench . -benchmem ./component ./internal/core ./internal/cm/canon ./telemetry ./telemetry/internal/bound ./host ./trigger/http

# 10 000 requests of each kind of load into one instance of each 0.3 guest, 16 at once: every span, line and outgoing header has to be
# in the trace of its own request. `make test` has fewer. Prints the figures.
attribution:
	VITRINE_ATTRIBUTION=$(or $(REQUESTS),10000) $(GO) test -count=1 -timeout 3h -v -run '^TestAttribution$$' ./e2e

# A server with the race detector under a minute of mixed load: fails on a report, a wrong answer, a panic or what is left over.
racing:
	$(GO) run ./bench mixed -race -duration $(or $(TIME),1m) -rate 60 -c 16 $(ARGS)

compare density mixed noisy soak:
	$(GO) run ./bench $@ $(ARGS)

# Every fuzz target, one after the other, TIME (1m) each, and a table; or T="./internal/cm/binary:FuzzDecode …". PARALLEL
# workers, else one for each processor.
fuzz:
	$(GO) run ./tests/archtest/fuzz -time $(or $(TIME),1m) -parallel $(or $(PARALLEL),0) $(T)

clean:
	rm -rf bin
