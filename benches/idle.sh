#!/usr/bin/env bash
# What the service costs while nothing happens, how soon it asks the node, how large it is: measured on
# the release binary, beside simulated nodes, for a minute. Needs Linux (/proc). Fails if a bound is missed.
#
# Usage: benches/idle.sh [BINARY]     without BINARY the release build of this checkout
set -euo pipefail

binary=${1:-}
[ -z "$binary" ] || binary=$(realpath "$binary")
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
if [ -z "$binary" ]; then
    cargo build --locked --release
    binary=${CARGO_TARGET_DIR:-target}/release/mailserver-sidecar
fi
# `cargo bench` puts a build of its own, with less optimisation, in the place of the release binary.
cp "$binary" "$scratch/mailserver-sidecar"
cargo bench --locked --bench idle -- "$scratch/mailserver-sidecar"
