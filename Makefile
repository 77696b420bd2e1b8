# Switchhook. `make` alone lists what there is.
.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := bin/switchhook
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.1.0-dev)
FUZZTIME ?= 30s
FAULTS ?= 200
GOLANGCI := go tool -modfile=tools/go.mod golangci-lint
# The race detector needs a C compiler; make deps says so where there is none.
RACE = $(shell command -v $${CC:-gcc} >/dev/null 2>&1 && echo -race)

.PHONY: help deps deps-switches test test-go test-ui test-switches ui faults lint fmt build bench fuzz generate clean

help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps: ## Get what the tests use beside Go: by apt as root on Debian or Ubuntu, elsewhere it says what is missing
	@sh test/deps.sh

deps-switches: ## Get the real phone systems for test-switches: as root on Debian, elsewhere it says what is missing
	@sh test/switches/deps.sh

test: test-go test-ui ## Run all tests, with the race detector; the dashboard's in a real browser

test-go: deps ## Run the tests without the dashboard's
	CGO_ENABLED=$(if $(RACE),1,0) go test $(RACE) -shuffle=on ./...

test-ui: deps ## Run the dashboard's tests alone
	sh test/ui.sh

test-switches: deps-switches ## Run the tests with real phone systems: two Asterisks, Kamailio and SIP phones on loopback
	SWITCHHOOK_TEST_SWITCHES=1 CGO_ENABLED=$(if $(RACE),1,0) go test $(RACE) -count=1 -timeout 15m -parallel 6 ./internal/source/asterisk/... ./internal/source/kamailio ./test/switches/...
	SWITCHHOOK_TEST_SWITCHES=1 CGO_ENABLED=$(if $(RACE),1,0) go test $(RACE) -count=1 -run Asterisk ./internal/app ./internal/cli

faults: deps ## Kill, stop and starve the real server for minutes, or FAULTS=1000 kills (SEED=n: the choices of an earlier run; RUN=TestProcesses FOR=10m PROCESSES=4)
	go test -count=1 -v -timeout 3h $(if $(RUN),-run $(RUN)) ./test/faults -kills $(FAULTS) $(if $(SEED),-seed $(SEED)) $(if $(FOR),-for $(FOR)) $(if $(PROCESSES),-processes $(PROCESSES))

lint: ## Check style and the import drawing (the linter is built from source the first time)
	$(GOLANGCI) run ./...
	$(GOLANGCI) fmt --diff ./...

fmt: ## Format the code
	$(GOLANGCI) fmt ./...

build: ## Build bin/switchhook, one static binary
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X github.com/switchhook/switchhook/internal/cli.Version=$(VERSION)' -o $(BIN) ./cmd/switchhook

ui: ## Build the dashboard into internal/web/dist, which is committed (needs Node 20.19)
	cd ui && npm ci --no-audit --no-fund && npm run types && npm run build

bench: ## Run the benchmarks of the parts (compare two runs with benchstat)
	go test -run '^$$' -bench . -benchmem ./internal/...

fuzz: ## Fuzz each parser for 30 seconds, or FUZZTIME=10m
	@for f in $$(grep -rl '^func Fuzz' --include='*_test.go' . | cut -c3-); do \
		for name in $$(sed -n 's/^func \(Fuzz[A-Za-z]*\).*/\1/p' $$f); do \
			go test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) ./$$(dirname $$f) || exit 1; \
		done; \
	done

generate: ## Write the generated documents and golden files anew
	go test ./internal/app -run TestDocuments -update
	go test ./internal/api -run TestDocumentIsAsCommitted -update
	go test ./internal/cli -run TestOperationsAreAsTheDocument -update
	go test ./internal/deliver -run TestDrawings -update
	go test ./internal/mail -run 'TestDocuments|TestLetters$$' -update

clean: ## Remove what was built
	rm -rf bin test/signatures/node_modules ui/node_modules ui/test-results
