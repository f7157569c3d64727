#!/bin/sh
# Everything that must hold before a change lands: formatting, vet, staticcheck,
# tidy modules, all tests with the race detector (a leaked goroutine fails its
# package), the modules of their own, and the containers where a Docker engine
# runs. Needs Go, git and a C compiler for the race detector; what is missing is
# skipped with a line that says so.
#
#   sh test/all.sh          about six minutes on two cores
set -eu
cd "$(dirname "$0")/.."
TAGS=hashicorpmetrics
STATICCHECK=honnef.co/go/tools/cmd/staticcheck@v0.8.2
MODULES=". pkg/balance/grpcbalance test/bench test/compat"

step() { printf '\n== %s\n' "$*"; }
skip() { printf 'SKIPPED %s\n' "$*"; }

command -v go >/dev/null || { echo "Go is needed: https://go.dev/dl"; exit 1; }

step "gofmt"
unformatted=$(gofmt -l .)
[ -z "$unformatted" ] || { echo "gofmt would change:"; echo "$unformatted"; exit 1; }

race=-race
if [ "$(go env CGO_ENABLED)" != 1 ] || ! command -v "$(go env CC)" >/dev/null; then
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		step "installing a C compiler for the race detector"
		apt-get update -qq && apt-get install -y -qq gcc libc6-dev >/dev/null
	else
		skip "the race detector: no C compiler"
		race=
	fi
fi

for m in $MODULES; do
	step "$m: go mod tidy, vet, staticcheck"
	(
		cd "$m"
		go mod tidy -diff
		go vet -tags $TAGS ./...
		go run $STATICCHECK -tags $TAGS ./...
	)
done

step "build"
# Before the tests, some of which build the programs within a bounded time.
CGO_ENABLED=0 go build -trimpath -tags $TAGS -o /dev/null ./...

for m in $MODULES; do
	step "$m: tests"
	# test/compat runs programs that it builds, which Go's test cache cannot see.
	(cd "$m" && go test $race -tags $TAGS -timeout 10m -count=1 ./...)
done

step "containers"
if ! command -v docker >/dev/null || ! docker info >/dev/null 2>&1; then
	skip "the containers: no Docker engine runs here"
elif ! command -v docker-compose >/dev/null || ! command -v make >/dev/null; then
	skip "the containers: docker-compose and make are needed"
else
	make compose-test
fi

echo
echo "all passed"
