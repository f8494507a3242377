# docker proxy: build, install and test. `make` or `make help` lists the targets.

SHELL := /bin/sh
BINARY := docker-proxy
# The version is the newest tag, or the commit; empty outside a git checkout, where the program says "(devel)".
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
GO ?= go
GOFLAGS_BUILD := -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)'

PREFIX ?= /usr/local
DESTDIR ?=
# A user's plugins belong into the client's config directory; root, and a package build (DESTDIR), install for everybody.
FOR_EVERYBODY := $(if $(DESTDIR),yes,$(filter 0,$(shell id -u)))
CONFIGDIR := $(if $(DOCKER_CONFIG),$(DOCKER_CONFIG),$(HOME)/.docker)
PLUGINDIR ?= $(if $(FOR_EVERYBODY),$(PREFIX)/lib/docker,$(CONFIGDIR))/cli-plugins
TARGET := $(DESTDIR)$(PLUGINDIR)/$(BINARY)
# NO_BUILD=FILE installs that file, built elsewhere.
NO_BUILD ?=

# Seconds, as Go durations, per fuzz target and for the benchmarks.
FUZZTIME ?= 30s
# Platforms `make cross` builds for.
PLATFORMS ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64
# Pinned, so that a check does not change from one day to the next.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

.DEFAULT_GOAL := help
.PHONY: help build cross install uninstall check-plugin-dir run test test-pure test-hosts race fuzz bench mutate cover lint fmt clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo '  PREFIX, DESTDIR, DOCKER_CONFIG and PLUGINDIR say where install puts the plugin; now: $(TARGET)'

build: ## build the static binary into bin/
	CGO_ENABLED=0 $(GO) build $(GOFLAGS_BUILD) -o bin/$(BINARY) ./cmd/docker-proxy

cross: ## build for every supported platform into dist/
	@set -e; for p in $(PLATFORMS); do \
		os=$${p%/*}; arch=$${p#*/}; ext=; [ $$os != windows ] || ext=.exe; \
		out=dist/$(BINARY)-$$os-$$arch$$ext; echo "$$out"; \
		CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch $(GO) build $(GOFLAGS_BUILD) -o $$out ./cmd/docker-proxy; \
	done

# dockerd looks for its userland proxy, a program of the same name, on PATH and in directories such as /usr/libexec/docker.
# A plugin found there breaks every published port, so it goes into a directory called cli-plugins or nowhere.
check-plugin-dir:
	@dir='$(PLUGINDIR)'; bad=; \
	case ":$$PATH:" in *":$$dir:"*) bad=yes ;; esac; \
	[ "$${dir##*/}" = cli-plugins ] || bad=yes; \
	if [ -n "$$bad" ]; then \
		echo "refusing to install into $$dir: Docker's own docker-proxy is searched in such directories, and this program would take its place;" \
			"choose a directory called cli-plugins that is not on PATH" >&2; exit 1; \
	fi

install: check-plugin-dir $(if $(NO_BUILD),,build) ## install the plugin: for you, or as root for everybody
	@[ -n '$(FOR_EVERYBODY)' ] || [ -d '$(CONFIGDIR)' ] || install -d -m 0700 '$(CONFIGDIR)'
	install -d '$(DESTDIR)$(PLUGINDIR)'
	install -m 0755 '$(if $(NO_BUILD),$(NO_BUILD),bin/$(BINARY))' '$(TARGET)'
	@echo "installed $(TARGET); try: docker proxy"

uninstall: check-plugin-dir ## remove the installed plugin
	rm -f '$(TARGET)'

run: install ## install, then show the effective settings of this machine
	@if ! command -v docker >/dev/null; then \
		echo 'note: no docker CLI on PATH, calling the plugin directly' >&2; set -- '$(TARGET)'; \
	elif docker proxy version >/dev/null 2>&1; then set -- docker proxy; \
	else echo 'note: the docker CLI does not find the plugin, calling it directly' >&2; set -- '$(TARGET)'; fi; \
	echo "$$* show --effective"; "$$@" show --effective

test: build ## run every suite this machine can run; as root on Debian, real hosts too
	$(GO) run ./test/all

test-pure: build ## run the suites that need no root and no host
	$(GO) run ./test/all -hosts=never

test-hosts: build ## run the suites on real, booted hosts only
	$(GO) run ./test/all -pure=false -hosts=always

race: ## run the pure suites with the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race ./...

fuzz: ## fuzz every target for FUZZTIME each
	$(GO) run ./test/fuzzall -time $(FUZZTIME)

bench: build ## measure the speed and memory claims; compare 2,000 pairs with the real curl and wget
	$(GO) run ./test/bench
	DOCKER_PROXY_PAIRS=2000 $(GO) test -count=1 -run '^(TestCurl|TestWget)$$' -v ./test/readers

mutate: ## remove single rules and prove that a test notices
	$(GO) run ./test/mutate

cover: ## write coverage.out and print the coverage of each package
	$(GO) test -coverprofile=coverage.out ./...
	@$(GO) tool cover -func=coverage.out | tail -1

lint: ## check formatting, vet and staticcheck for every platform; golangci-lint when it is installed
	@bad=$$(gofmt -l cmd docs internal pkg test); if [ -n "$$bad" ]; then echo "not formatted: $$bad" >&2; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags hosts ./test/...
	GOOS=darwin $(GO) vet ./cmd/... ./pkg/...
	GOOS=windows $(GO) vet ./cmd/... ./pkg/...
	$(GO) run $(STATICCHECK) -tags hosts ./...
	@if command -v golangci-lint >/dev/null; then golangci-lint run; \
	else echo 'note: golangci-lint is not installed; its configuration is .golangci.yml' >&2; fi

fmt: ## format the Go files
	gofmt -w cmd docs internal pkg test

clean: ## remove what build, cross and cover made
	rm -rf bin dist coverage.out
