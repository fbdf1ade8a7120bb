# Every target sets up what it needs in .venv; nothing else is installed.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
UV_VERSION := $(shell sed -n '/^name = "uv"$$/{n;s/version = "\(.*\)"/\1/p;}' uv.lock)
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' app/kubesum/__init__.py)
# What is published, from where: a registry's path of the image, and the address of the repository with the releases.
IMAGE ?= kubesum
REPOSITORY ?= https://github.com/kubesum/kubesum
DIST ?= dist
TAG ?= v$(VERSION)
MINUTES ?= 10
# One process of pytest for each processor; tests/distribution.py says what each gets.
PARALLEL ?= --numprocesses auto --maxprocesses 4 --no-loadscope-reorder
export UV_PYTHON_DOWNLOADS := never

.DEFAULT_GOAL := help
.PHONY: help setup demo test unit coverage check bench bench-compare soak outages walks generate assets picture verify chart cluster image dist tag notes workflows

help: ## Print this list.
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null || \
	sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1  \2/p' $(MAKEFILE_LIST)

setup: .venv/.locked ## Make .venv with the locked dependencies, real kubectls and a real helm.

.venv/.locked: pyproject.toml uv.lock
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	test -f .cache/uv-$(UV_VERSION)-*.whl || $(PIP) download --no-deps --dest .cache uv==$(UV_VERSION)
	test -x $(BIN)/uv || $(PIP) install --no-index --find-links .cache uv==$(UV_VERSION)
	$(BIN)/uv sync --quiet --locked --all-extras
	$(BIN)/python -m tests.fetchbinaries $(BIN)
	touch $@

demo: setup ## Run kubesum against a simulated cluster and print the lines to try.
	$(BIN)/kubesum demo

test: setup ## Run the tests.
	$(BIN)/pytest $(PARALLEL)

unit: setup ## Run the fast tests, which start no other program.
	$(BIN)/pytest tests/unit -m "not process" $(PARALLEL)

coverage: setup ## Run the tests under branch coverage; fail below the measured level.
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

check: setup ## Check format, lint, types, import contracts and workflows.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) --no-print-directory workflows

bench: setup ## Measure speed and memory; PHASES="churn memory" only these, LARGE=1 also with 150,000 pods.
	BENCH_LARGE=$(LARGE) $(BIN)/python -m tests.bench $(PHASES)

bench-compare: ## Compare the saved run OLD=path to NEW=path, or to the latest one.
	$(BIN)/python -m tests.bench.compare $(OLD) $(NEW)

soak: setup ## Run kubesum for MINUTES=10 under churn and faults, then restart replicas; fail on growth or a failed request.
	$(BIN)/python -m tests.soak --minutes $(MINUTES)

outages: setup ## Have kube-apiserver away for 10, 60 and 200 seconds; fail if kubesum answers wrongly meanwhile.
	$(BIN)/python -m tests.faults

walks: setup ## Move watches between replicas at random for MINUTES=10; fail if a client keeps what no replica has.
	$(BIN)/python -m tests.walks --minutes $(MINUTES)

generate: setup ## Write from the declarations: the reference page, roles, manifests, documents that tests compare.
	$(BIN)/kubesum render docs > docs/resources.md
	$(BIN)/kubesum render flags > docs/flags.md
	$(BIN)/kubesum render metrics > docs/metrics.md
	$(BIN)/kubesum render rollups > docs/rollup-reference.md
	$(BIN)/kubesum render crd > helm/kubesum/files/rollupdefinitions.yaml
	$(BIN)/kubesum render rbac > helm/kubesum/files/clusterroles.yaml
	$(BIN)/kubesum render openapi-v2 > tests/unit/api/golden/openapi_v2.json
	$(BIN)/kubesum render openapi-v3 > tests/unit/api/golden/openapi_v3.json
	$(BIN)/python -m tests.unit.api.test_discovery_documents
	$(BIN)/python -m deploy.monitoring
	$(BIN)/python helm/reference.py
	PATH="$(CURDIR)/$(BIN):$$PATH" helm template kubesum helm/kubesum --namespace kubesum-system \
	> deploy/kubesum.yaml

assets: setup ## Fetch the libraries of the page, as package-lock.json has them, and what its tests load; needs npm.
	npm ci --prefix deploy/assets --ignore-scripts --no-audit --no-fund
	$(BIN)/python -m deploy.assets.vendor

picture: setup ## Draw docs/top.svg and docs/dashboard.png, the pictures of the README, from the demo; needs a Chromium.
	$(BIN)/python -m tests.picture
	$(BIN)/python -m tests.pagepicture

verify: generate ## Check that what is generated is what is committed.
	git diff --exit-code docs helm deploy tests/unit/api/golden

chart: setup ## Check the chart as helm and Kubernetes read it.
	$(BIN)/pytest tests/chart

cluster: setup ## Run the tests that need a real control plane (KUBEBUILDER_ASSETS) or a cluster (KUBESUM_CLUSTER).
	$(BIN)/pytest tests/cluster -rs

image: ## Build the container image.
	docker build --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) --tag kubesum:$(VERSION) .

dist: setup ## Build into dist/ what is published besides the image: wheel, sdist, locked versions, chart, plugin for krew.
	$(BIN)/uv build --quiet --clear --no-build-isolation --out-dir $(DIST)
	$(BIN)/uv export --quiet --locked --no-default-groups --all-extras --no-emit-project --no-hashes --no-annotate \
	--no-header --output-file $(DIST)/constraints.txt
	$(BIN)/python -m deploy.release.chart $(IMAGE) $(DIST)
	$(BIN)/python -m deploy.release.plugin $(REPOSITORY) $(DIST)

tag: setup ## Check that TAG, such as v0.1.0, is the version of the package and of the chart.
	$(BIN)/python -m deploy.release.versions $(TAG)

notes: setup ## Print the release notes of the version from CHANGELOG.md.
	@$(BIN)/python -m deploy.release.notes $(VERSION)

workflows: setup ## Check the workflows, and the forms of issues.
	$(BIN)/zizmor --offline --quiet --strict-collection --persona pedantic .
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yaml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/*.yaml
