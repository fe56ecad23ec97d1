# One line a verb: what it does is in the tool or the file it names.
.DEFAULT_GOAL := help
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
NAMES := python3 python3.15 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3
FOUND = $(shell for name in $(NAMES); do $$name -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$name && break; done)
NONE = $(error Python 3.11 or newer is needed: install it, or say where it is with PYTHON=/path/to/python3)
PYTHON ?= $(or $(FOUND),$(NONE))
RUN := .venv/bin/python
CLUSTER = $(RUN) -m deploy.cluster $@ --overlay=$(or $(OVERLAY),local) $(if $(CONTEXT),--context=$(CONTEXT)) $(ARGS)
MINUTES ?= 60
SEED ?= 1
export PYTHONPATH := $(CURDIR)

.PHONY: help environment demo demos up services test newest faults browser soak bench audit check format lock
.PHONY: rules alerts-e2e image sbom chart manifests cluster-test node-test rollout secrets deploy status undeploy
.PHONY: backup restore on-call drill clean

help: ## list these verbs
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

environment: ## make .venv from the lock file (every verb does, when it changed)
	@$(PYTHON) -m deploy.local.environment

demo: environment ## start everything, send real work through it, print what came of it, end it
	@$(RUN) -m deploy.local demo $(ARGS)

demos: ## `make demo` in fresh clones: as root in a closed folder, as an ordinary user, as root in an open one
	@$(PYTHON) -m deploy.local.ways -- $(ARGS)

up: environment ## start everything and stay; web and workers reload when code changes
	@$(RUN) -m deploy.local up $(ARGS)

services: environment ## start only PostgreSQL, RabbitMQ and mail, and print how to reach them
	@$(RUN) -m deploy.local services $(ARGS)

test: environment ## run all tests, on a real broker and a real database (ARGS="tests/switchyard -x")
	@$(RUN) -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

newest: environment ## test the engine on the newest versions of what it works with (ARGS=lowest: on the lowest)
	@$(RUN) -m deploy.local.versions $(ARGS)

faults: environment ## hurt it in every way we know, and count what is lost (RABBITMQ_SUITE=forky for a newer broker)
	@$(RUN) -m pytest tests/faults $(ARGS)

browser: environment ## open the operations pages in a real Chromium (pictures: .local/browser/pictures)
	@$(RUN) -m pytest tests/browser $(ARGS)

soak: environment ## an hour of load and faults, and one JSON of what came of it (MINUTES=60 SEED=1)
	@$(RUN) -m tests.faults.soak --minutes $(MINUTES) --seed $(SEED) $(ARGS)

bench: environment ## measure it beside stock Celery, in 15 minutes, and one JSON of it (ARGS="relay --share 0.1")
	@$(RUN) -m tests.bench $(ARGS)

audit: environment ## look for what is known to be unsafe: code, history, dependencies, settings, 10,000 cases of the API
	@$(RUN) -m tests.audit $(ARGS)

check: environment ## lint, types, locks and README, and that none of it changed the tree
	@$(RUN) -m deploy.local.checks

format: environment ## format and sort the code
	@$(RUN) -m ruff check --quiet --fix-only . && $(RUN) -m ruff format .

lock: environment ## write both lock files anew from pyproject.toml (ARGS=--upgrade)
	@$(RUN) -m deploy.local.locks $(ARGS)

rules: environment ## check the alerts with promtool, and that each has its tests, runbook and dashboard
	@$(RUN) -m pytest tests/rules $(ARGS)

alerts-e2e: environment ## hurt the service under a real Prometheus, and see each alert come and go (40 minutes)
	@$(RUN) -m tests.alerts $(ARGS)

image: environment ## build the one image with docker, podman or buildah, under OVERLAY=local's name (ARGS="--tag=...")
	@$(RUN) -m deploy.cluster.image $(if $(OVERLAY),--overlay=$(OVERLAY)) $(ARGS)

sbom: environment ## write what the image and each lock file consist of, as CycloneDX (ARGS=--image=NAME:TAG)
	@$(RUN) -m deploy.cluster.sbom $(ARGS)

chart: environment ## write the templates of the Helm chart anew from k8s/base and k8s/components
	@$(RUN) -m deploy.chart

manifests: environment ## check all of k8s/ (schemas, linters, agreement with the code) and the image's roles
	@$(RUN) -m pytest tests/manifests tests/image $(ARGS)

cluster-test: environment ## apply k8s/ to a real API server, built once from its Go modules (ARGS=--record)
	@$(RUN) -m tests.cluster.programs && $(RUN) -m pytest tests/cluster $(ARGS)

node-test: environment ## run the overlays' containers on two nodes of one machine, and hurt them (root; ARGS=--record)
	@$(RUN) -m tests.node $(ARGS)

rollout: environment ## roll every role of k8s/ as processes under load, rotate its secrets, measure its memory
	@$(RUN) -m pytest tests/rollout $(ARGS)

secrets: environment ## make the local overlay's passwords, once, in its cluster
	@$(CLUSTER)

deploy: environment ## bring OVERLAY=local to its cluster: difference, release, rollout (CONTEXT=..., ARGS=--yes)
	@$(CLUSTER)

status: environment ## show what OVERLAY has in its cluster
	@$(CLUSTER)

undeploy: environment ## take OVERLAY's roles away; servers, data and Secrets stay
	@$(CLUSTER)

backup: environment ## write OVERLAY's database and its broker's definitions into a folder (ARGS=--folder=...)
	@$(CLUSTER)

restore: environment ## fill OVERLAY's empty servers from one, and hold what waited in it (ARGS=--folder=...)
	@$(CLUSTER)

on-call: environment ## a shell where the runbooks' commands work: beside `make up`, or in a pod of OVERLAY's cluster
	@$(if $(OVERLAY),$(CLUSTER),$(RUN) -m deploy.local on-call $(ARGS))

drill: environment ## cause a fault beside `make up`, and time how long somebody takes to mend it (ARGS="--fault=lock")
	@$(RUN) -m deploy.local drill $(ARGS)

clean: ## delete what the verbs above made: .venv, .local and caches
	@rm -rf "$$(readlink .local/private)" .venv .local static .mypy_cache .pytest_cache .ruff_cache .hypothesis
