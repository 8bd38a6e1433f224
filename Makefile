# make run     start the server with the sandbox on http://localhost:8080
# make test    install what is missing and run every test, race detector on (go test ./... runs those that need only Go)
# make test-internet   what make test leaves out of test/internet, because it takes minutes
# make test-sight      searches the server's memory for the secrets of 1,000 sign-ins of each flow
# make test-races      10,000 sign-ins, each claimed 64 times at once, in each shared store, and 10,000 that end twice at once
# make test-packages   installs, uses, upgrades and purges the Debian package in a fresh Debian; needs root
# make test-versions   the PostgreSQL store on the oldest and the newest PostgreSQL that is supported
# make pictures   every page in every state, language, browser, colour and width, checked, with contact sheets for people (PICTURES='webkit dark ja' takes a part)
# make lint    formatting, vet, staticcheck, dead code, module tidiness
# make cross   build for every system that is supported
# make bench   measure the server side by side with a bare one (BENCH='-only pair -servers SQLite' measures a part)
# make dist    build what is released, the same bytes each time, into dist/
# make fuzz    run every fuzzer for FUZZTIME (default 30s)
.PHONY: build run pictures test test-internet test-packages test-races test-sight test-versions lint cross bench dist fuzz help
.DEFAULT_GOAL := help

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
DEADCODE := golang.org/x/tools/cmd/deadcode@v0.52.0
FUZZTIME ?= 30s
# What is compiled for tests and checks is compiled as build does it, so that
# Go's cache serves them all.
AS_BUILD := CGO_ENABLED=0 GOFLAGS=-trimpath
# How many packages are tested at a time. Many tests wait more than they compute.
PACKAGES := $(shell n=$$(nproc 2>/dev/null || echo 2); [ $$n -gt 4 ] && echo $$n || echo 4)
# The longest are first, so that none is left alone at the end.
LONGEST := $(addprefix ./, test/process test/terminal test/deploy test/dist internal/store/postgres internal/store/redis test/acme test/bench)
# What ends with the race detector would wait for a second first.
RACE := GORACE=atexit_sleep_ms=0

help:
	@sed -n 's/^# make/make/p' Makefile

build:
	CGO_ENABLED=0 go build -trimpath -o bin/dss ./cmd/dss

run: build
	exec ./bin/dss serve --sandbox --listen 127.0.0.1:8080 --store sqlite:data/dss.db

test: build
	$(AS_BUILD) test/setup
	$(RACE) go test -race -vet off -tags integration -count 1 -timeout 25m -p $(PACKAGES) $(LONGEST) ./... # make lint vets
	$(AS_BUILD) go test -vet off -run 'TestAllocations|TestStackOfAWait' -count 1 ./internal/httpapi ./internal/secret # the race detector allocates, too
	$(AS_BUILD) npm --prefix test/browser test

test-races:
	go test -tags integration -count 1 -timeout 40m ./test/process -run TestFleetClaimRaces -v -signins 10000
	go test -race -c -o bin/dss.race.test .
	for i in $$(seq 20); do bin/dss.race.test -test.run TestAutoRace -test.v -races 500 || exit 1; done # memory grows with each

test-sight:
	go test -tags integration -count 1 -timeout 40m ./test/process -run TestWhoCanSee -v -sightings 1000

test-packages:
	test/packages/run

test-versions:
	test/versions/run

test-internet:
	$(AS_BUILD) test/setup
	go test -tags integration,internet -count 1 -timeout 40m ./test/internet/...

pictures: build
	$(AS_BUILD) test/setup
	$(AS_BUILD) node test/browser/contactsheet.js $(PICTURES)

lint:
	@unformatted="$$(gofmt -l .)"; test -z "$$unformatted" || { echo "gofmt: $$unformatted"; exit 1; }
	$(AS_BUILD) go vet ./...
	$(AS_BUILD) go vet -tags integration,internet ./...
	$(AS_BUILD) go run $(STATICCHECK) -tags integration,internet ./...
	go mod tidy -diff
	@dead="$$($(AS_BUILD) go run $(DEADCODE) -test -tags integration,internet ./...)"; test -z "$$dead" || { echo "$$dead"; exit 1; }

cross:
	@set -e; for os in linux darwin windows; do for arch in amd64 arm64; do \
		echo "building for $$os/$$arch"; \
		CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch go build -trimpath -o bin/$$os-$$arch/ ./cmd/dss; \
	done; done

bench: build
	go run ./test/bench -binary bin/dss $(BENCH)

dist:
	deploy/dist dist

fuzz:
	@set -e; for package in $$(go list ./...); do \
		for fuzzer in $$(go test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			go test -run '^$$' -fuzz "^$$fuzzer\$$" -fuzztime $(FUZZTIME) $$package; \
		done; \
	done
