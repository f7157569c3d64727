# Everything here is one go command or two; `make demo` shows the whole at work.
TAGS   := hashicorpmetrics
GO     := CGO_ENABLED=0 go
MODULES := . pkg/balance/grpcbalance

.PHONY: build test demo demo-chaos bench soak prebuilt compose compose-down compose-test replay lint

build: ## all programs, into bin/
	$(GO) build -trimpath -tags $(TAGS) -ldflags '-s -w' -o bin/ ./cmd/... ./examples/...

test: ## all tests, with the race detector
	for m in $(MODULES); do CGO_ENABLED=1 go -C $$m test -race -tags $(TAGS) ./... || exit 1; done

demo: build ## three servers, three greeters and a proxy, until Ctrl-C
	bin/demo

demo-chaos: build ## kill greeters and leaders under load for a minute: no request may fail
	bin/demo -chaos -for 1m

bench: ## the Go benchmarks
	go test -tags $(TAGS) -run '^$$' -bench . -benchmem ./internal/... ./pkg/...

soak: ## hundreds of rounds of the tests that kill servers
	REGISTRYD_SOAK=300 go test -tags $(TAGS) -count=1 -timeout 3h ./internal/harness/... ./test/process/...

replay: ## the recorded answers of Consul against this server
	go test -tags $(TAGS) -count=1 -v ./test/contract/...

lint: ## formatting and vet
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	for m in $(MODULES); do go -C $$m vet -tags $(TAGS) ./... || exit 1; done

prebuilt: build ## the container image, from the programs just built: nothing is pulled
	mkdir -p bin/data
	docker build -q -f Dockerfile.prebuilt -t registryd:local .

compose: prebuilt ## the demo in containers
	DOCKERFILE=Dockerfile.prebuilt docker-compose up -d

compose-down: ## stop the containers and remove their data
	docker-compose down -v

compose-test: prebuilt ## kill containers under load; needs a Docker engine
	REGISTRYD_COMPOSE=1 go test -tags $(TAGS) -count=1 -v ./examples/compose
