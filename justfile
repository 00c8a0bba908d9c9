# Commands of this repository. `just` lists them; https://just.systems

# Lists the commands.
default:
    @just --list --unsorted

# The main job on embedded defaults: one trace, two sinks.
run-example *args:
    cargo run -p quickstart -- {{ args }}

# The same job with an OpenTelemetry Collector beside the app: three ways, the same spans. Needs Go.
run-example-collector *args:
    otel-collector/example {{ args }}

# Builds the collector of otel-collector/ and starts it with one of the configurations there. Needs Go.
collector config="agent-to-sentry.yaml" *args="":
    #!/usr/bin/env bash
    set -euo pipefail
    collector=$(otel-collector/build)
    exec "$collector" --config="otel-collector/{{ config }}" \
        --feature-gates=processor.tailsamplingprocessor.usetracestate {{ args }}

# All tests.
test:
    cargo test --workspace

# Real MCP clients, the MCP conformance suite, Sentry's own code; the collector; parts: harness_tests, conformance, clients, inspector, bugsink, collector, equality, receivers, relay. Needs Python 3.11 and Go.
test-real *parts:
    tests/real/run {{ parts }}

# Cheap checks first: format, lints, the crate without its features.
lint: fmt clippy features

# Formatting.
fmt:
    cargo fmt --all --check

# Lints of all targets.
clippy:
    cargo clippy --workspace --all-targets -- -D warnings

# The features one by one.
features:
    cargo check -p mcp-telemetry --no-default-features
    cargo check -p mcp-telemetry --no-default-features --features sentry
    cargo check -p mcp-telemetry --no-default-features --features client

# Documentation.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Fails when a crate of the OpenTelemetry family is there in two versions.
deps:
    #!/usr/bin/env bash
    set -euo pipefail
    # Without --edges and --target, the second copy could hide in a build script or another platform.
    tree=$(cargo tree --workspace --target all --edges normal,build,dev --duplicates --depth 0 --prefix none)
    # A crate built twice from one version (with other features) is no second copy.
    copies=$(awk '$1 ~ /^(opentelemetry|opentelemetry[-_].*|tracing-opentelemetry)$/ { print $1, $2 }' <<<"$tree" | sort -u)
    twice=$(cut -d' ' -f1 <<<"$copies" | uniq -d)
    if [[ -n "$twice" ]]; then
        echo "two versions in one build: spans of one do not reach the other" >&2
        grep --word-regexp --fixed-strings "$twice" <<<"$copies" >&2
        exit 1
    fi
    echo "one version of each OpenTelemetry crate"

# Licences, bans and sources, as deny.toml says. Needs cargo-deny.
deny:
    cargo deny check bans licenses sources

# Cost of a traced request against the stock parts.
bench *args:
    cargo run --release -p mcp-telemetry-benches --bin bench-request-path -- {{ args }}

# What continuous integration runs.
ci:
    .ci/run
