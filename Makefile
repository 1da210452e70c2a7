# Everything a person or a machine does with this repository has its target here:
# `make` lists them. Go, make and git must be there already; what else a target
# needs it installs itself as root on Debian, and names otherwise.

GO ?= go
# The toolchain that is installed, not one that go.mod's line could make go fetch.
export GOTOOLCHAIN = local

STATICCHECK = $(GO) tool staticcheck

# Where browser.FindChrome looks, too; CHROME_PATH goes before all of them.
CHROME = chromium:chromium,chromium-browser,google-chrome,google-chrome-stable,chrome,/opt/google/chrome/chrome,/Applications/Google Chrome.app/Contents/MacOS/Google Chrome,/Applications/Chromium.app/Contents/MacOS/Chromium

# Where browser.FindFirefox looks; FIREFOX_PATH goes before all of them.
FIREFOX = firefox-esr:firefox-esr,firefox,/usr/lib/firefox-esr/firefox-esr,/opt/firefox/firefox,/Applications/Firefox.app/Contents/MacOS/firefox

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

.PHONY: build
build: ## build bin/touchstone
	@$(GO) build -o bin/touchstone ./cmd/touchstone

.PHONY: run
run: build browser ## test the reference RP in all dialects with all clients; reports go to out/
	@mkdir -p out
	bin/touchstone run --client virtual --client virtualwebauthn --client chrome \
		--json out/report.json --junit out/report.xml --html out/report.html

.PHONY: test
test: browser tools vet gofmt ## vet, gofmt and all Go tests; lists what was skipped and why
	bin/testsummary -- $(GO) test -json -count=1 -timeout 15m ./...

# Here no judge may be absent.
verify: export TOUCHSTONE_JUDGES = 1

.PHONY: verify
verify: verify-tools judge-tools lint tools ## all there is: test, the race detector, staticcheck, generated files, the proof, peers; no skips
	bin/testsummary -fail-on-skip -- $(GO) test -json -count=1 -timeout 15m ./...
	scripts/drift.sh $(MAKE) --no-print-directory generate
	$(MAKE) --no-print-directory prove seeds no-wolf
	$(MAKE) --no-print-directory peers-test peers peers-no-wolf
	$(MAKE) --no-print-directory vendor-clients
	bin/testsummary -fail-on-skip -- $(GO) test -json -count=1 -timeout 40m -race -shuffle=on ./...

.PHONY: verify-tools
verify-tools: browser
	@scripts/ensure.sh gcc:gcc,cc nodejs:node npm:npm chromium-driver:chromedriver \
		python3-fido2:/usr/lib/python3/dist-packages/fido2/__init__.py \
		libauthen-webauthn-perl:/usr/share/perl5/Authen/WebAuthn.pm libhttp-daemon-perl:/usr/share/perl5/HTTP/Daemon.pm
	@[ -n "$$FIREFOX_PATH" ] || scripts/ensure.sh '$(FIREFOX)'

.PHONY: lint
lint: vet gofmt ## go vet, gofmt and staticcheck
	$(STATICCHECK) ./...

.PHONY: vet
vet:
	$(GO) vet ./...

.PHONY: gofmt
gofmt:
	scripts/gofmt.sh

.PHONY: bench
bench: ## run the benchmarks
	$(GO) test -run '^$$' -bench . -benchmem ./...

.PHONY: cover
cover: browser ## measure what the tests reach; out/cover.html shows it line by line
	@mkdir -p out
	$(GO) test -count=1 -timeout 15m -coverpkg=./... -coverprofile=out/cover.out ./...
	$(GO) tool cover -html=out/cover.out -o out/cover.html
	$(GO) tool cover -func=out/cover.out | tail -n 1

.PHONY: generate
generate: judge-tools ## write the generated files again
	$(GO) generate ./...

.PHONY: interop
interop: build browser ## measure the interop cases in Chrome and Firefox and write docs/interop.md
	@[ -n "$$FIREFOX_PATH" ] || scripts/ensure.sh '$(FIREFOX)'
	bin/touchstone compare --interop --client virtual --client chrome --client firefox --update
	$(GO) generate ./internal/tools/gendocs

.PHONY: browser
browser: ## make sure that there is a Chrome or Chromium
	@[ -n "$$CHROME_PATH" ] || scripts/ensure.sh '$(CHROME)'

.PHONY: tools
tools:
	@$(GO) build -o bin/ ./internal/tools/testsummary ./internal/tools/withpeer

.PHONY: prove
prove: build ## run the suite against every bug of the reference RP; the kill table goes to out/
	@mkdir -p out
	bin/touchstone prove --json out/prove.json --html out/prove.html

# In browsers a seed decides names and where a fault strikes; keys and ids are the
# browser's own and other ones in each run. -no-sandbox is for root alone.
SEEDS = 10
CHROMEDRIVER_ARGS = "--headless=new","--disable-gpu","--no-first-run","--disable-background-networking","--disable-component-update","--host-resolver-rules=MAP+*+~NOTFOUND,+EXCLUDE+127.0.0.1"$(if $(filter 0,$(shell id -u)),$(comma)"--no-sandbox")
comma := ,
.PHONY: seeds
seeds: tools browser seed-tools ## the sound reference RP in every dialect and set through every client, over ten seeds: nothing may be red, warn or be not testable
	@$(GO) build -o bin/ ./internal/tools/seeds
	bin/withpeer -ready 'started successfully on port ([0-9]+)' -- chromedriver --port=0 -- bin/seeds -seeds $(SEEDS) \
		'webdriver:http://127.0.0.1:{url}?browserName=chrome&goog:chromeOptions={"args":[$(CHROMEDRIVER_ARGS)]}' firefox chrome virtual virtualwebauthn

.PHONY: seed-tools
seed-tools:
	@[ -n "$$FIREFOX_PATH" ] || scripts/ensure.sh '$(FIREFOX)'
	@scripts/ensure.sh chromium-driver:chromedriver

# Whoever cries wolf is not believed: ten thousand valid stories, none refused.
.PHONY: no-wolf
no-wolf: ## put 10,000 stories of valid ceremonies to the reference RP; none may be refused
	$(GO) run ./internal/tools/validfuzz -n 10000

# The judges are libraries that others wrote; what each must say of what the
# virtual authenticator makes is in fixtures/judges.yaml.
JUDGE = internal/judges/simplewebauthn/node_modules/.package-lock.json

.PHONY: judge-tools
judge-tools: $(JUDGE)
	@scripts/ensure.sh python3-fido2:/usr/lib/python3/dist-packages/fido2/__init__.py

.PHONY: judges
judges: judge-tools ## put all that the virtual authenticator makes to other people's libraries
	TOUCHSTONE_JUDGES=1 $(GO) test -count=1 -v ./internal/judges

# A peer is a folder under peers/ with an RP that is not ours. `make peers` runs
# the suite against each, and a baseline beside it says which findings are known.
.PHONY: peers
peers: peer-servers browser ## test RPs that we did not write, see peers/ and docs/peers.md
	bin/peers/run

.PHONY: peers-no-wolf
peers-no-wolf: peer-servers ## put 1,000 stories of valid ceremonies to each sound peer; none may be refused but for what it is known not to do
	@$(GO) build -o bin/ ./internal/tools/validfuzz
	bin/peers/run -valid 1000

.PHONY: peers-no-wolf-update
peers-no-wolf-update: peer-servers ## the same, and write their part of docs/peers.md
	@$(GO) build -o bin/ ./internal/tools/validfuzz
	bin/peers/run -valid 1000 -update

.PHONY: peers-update
peers-update: peer-servers browser ## the same, and write docs/peers.md
	bin/peers/run -update

.PHONY: peer
peer: peer-servers browser ## put some checks to one peer: make peer PEER=name CHECK=glob
	bin/peers/run -peer '$(PEER)' -check '$(or $(CHECK),*)'

# Peers that npm installs; each has its own tests.
PEER_NPM = simplewebauthn fido2lib better-auth authjs passport

PEER_TOOLS = $(PEER_NPM:%=peers/%/node_modules/.package-lock.json) peer-python peer-perl

.PHONY: peer-python
peer-python:
	@scripts/ensure.sh python3-fido2:/usr/lib/python3/dist-packages/fido2/__init__.py

.PHONY: peer-perl
peer-perl:
	@scripts/ensure.sh libauthen-webauthn-perl:/usr/share/perl5/Authen/WebAuthn.pm libhttp-daemon-perl:/usr/share/perl5/HTTP/Daemon.pm

.PHONY: peers-test
peers-test: $(PEER_TOOLS) ## run the peers' own tests, and look up every reason of their baselines in the libraries' source
	$(GO) run ./internal/tools/peers -evidence
	@for p in $(PEER_NPM); do (cd peers/$$p && npm test) || exit 1; done
	cd peers/pythonfido2 && /usr/bin/python3 -B -m unittest -q test_server
	cd peers/authenwebauthn && /usr/bin/perl test_server.t
	cd peers/gowebauthn && $(GO) vet ./... && $(GO) test -count=1 ./...

# The old versions of go-webauthn that a peer is built with; the go.mod beside the
# server has the current one. Before v0.18 extension inputs are not typed.
GOWEBAUTHN_UNTYPED = v0.8.6 v0.10.2 v0.11.2 v0.13.4 v0.14.0 v0.16.0 v0.16.5 v0.17.4
GOWEBAUTHN_TYPED = v0.18.1
GOWEBAUTHN_NOW = v0.18.2

.PHONY: peer-servers
peer-servers: build tools $(PEER_TOOLS)
	@mkdir -p bin/peers
	@$(GO) build -o bin/peers/run ./internal/tools/peers
	@cd peers/gowebauthn && $(GO) build -o ../../bin/peers/gowebauthn-$(GOWEBAUTHN_NOW) .
	@cd peers/gowebauthn && for v in $(GOWEBAUTHN_TYPED); do \
		$(GO) build -modfile=$$v/go.mod -o ../../bin/peers/gowebauthn-$$v . || exit 1; done
	@cd peers/gowebauthn && for v in $(GOWEBAUTHN_UNTYPED); do \
		$(GO) build -tags untyped -modfile=$$v/go.mod -o ../../bin/peers/gowebauthn-$$v . || exit 1; done

# npm writes this file last, so it is there only after a whole install.
%/node_modules/.package-lock.json: %/package.json %/package-lock.json
	@scripts/ensure.sh nodejs:node npm:npm
	@scripts/node-version.sh 20
	cd $* && npm ci --no-audit --no-fund --ignore-scripts
	@touch $@

# The vendors' own client libraries, unmodified, in a module of their own. Its
# go.mod follows ours; -mod=mod adds what ours has gained since it was tidied.
VENDOR_CLIENTS = dfns dfns-0.6 simplewebauthn

.PHONY: vendor-clients
vendor-clients: tools browser $(VENDOR_CLIENTS:%=clients/%/node_modules/.package-lock.json) ## put the vendors' own clients to the reference RP, see clients/
	cd clients && $(GO) vet -mod=mod ./...
	cd clients && GOFLAGS=-mod=mod ../bin/testsummary -fail-on-skip -- $(GO) test -json -count=1 -timeout 10m ./...

clients/%/node_modules/.package-lock.json: clients/%/package.json clients/%/package-lock.json clients/%/.npmrc
	@scripts/ensure.sh nodejs:node npm:npm
	@scripts/node-version.sh 20
	cd clients/$* && npm ci --no-audit --no-fund --ignore-scripts
	@touch $@

.PHONY: clean
clean: ## remove everything that make has made
	rm -rf bin out peers/*/node_modules clients/*/node_modules internal/judges/*/node_modules
