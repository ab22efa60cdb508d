# The commands of the README. Everything is built in the release profile: dependencies are compiled once, and the tests run models.

CARGO ?= cargo
RECIPE ?= models/recipes/shapes.toml

.PHONY: serve test lint features fuzz check-page check-prometheus check-gpu openapi settings train onnxruntime

# Builds the server without the training stack and serves models/ on http://127.0.0.1:8080; options in ARGS.
serve: onnxruntime
	$(CARGO) run --release --bin cmal -- serve $(ARGS)

# Everything that must pass, the cheapest first.
test: onnxruntime lint features
	$(CARGO) test --release --features train

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --release --all-targets -- -D warnings
	$(CARGO) clippy --release --all-targets --features train -- -D warnings

# Each feature alone, beside those that lint and test build.
features:
	$(CARGO) check --release --no-default-features
	$(CARGO) check --release --no-default-features --features train

# Apart from `test`, for its minutes: requests made by chance from the contract; options in ARGS.
fuzz:
	tests/schemathesis/run.sh $(ARGS)

# Apart from `test`: the pages in a browser, Debian's package `chromium`. Options in ARGS, such as `--shots FOLDER` for screenshots.
check-page: onnxruntime
	$(CARGO) build --release
	python3 tests/page/check.py $(ARGS)

# Apart from `test`: rules, alerts and the dashboard in a real Prometheus, Debian's package `prometheus`, and the dashboard by Grafana's
# schema, which the Python index has.
check-prometheus: onnxruntime
	$(CARGO) build --release
	tests/prometheus/run.sh $(ARGS)

# Apart from `test`: vulkan compiles a whole graphics stack, and cuda needs an LLVM bundle that its build downloads.
check-gpu:
	$(CARGO) check --release --features vulkan
	$(CARGO) check --release --features cuda

# Writes the contract that a test holds against the code.
openapi:
	$(CARGO) run --release --quiet --bin cmal -- openapi > openapi.yaml.new
	mv openapi.yaml.new openapi.yaml

# Writes the table of settings in docker/guides/configure.md, which a test holds against the code.
settings:
	WRITE_SETTINGS=1 $(CARGO) test --release --quiet --lib settings_table

# Trains the recipe in RECIPE; options in ARGS.
train:
	$(CARGO) run --release --features train --bin cmal -- train $(RECIPE) $(ARGS)

# Fetches ONNX Runtime, unless it is there.
onnxruntime:
	docker/fetch-onnxruntime.sh .onnxruntime
