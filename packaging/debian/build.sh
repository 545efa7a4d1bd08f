#!/bin/sh
# Makes target/debian/mailserver-sidecar_VERSION_ARCHITECTURE.deb. Wants `cargo install cargo-deb --locked`, and
# dpkg-dev, which finds out what the program depends on.
set -eu
cd "$(dirname "$0")/../.."

cargo build --locked --release
program=${CARGO_TARGET_DIR:-target}/release/mailserver-sidecar

# The program makes them, so `cargo deb` alone cannot.
package=target/package
rm -rf "$package"
mkdir -p "$package/man" "$package/completions"
"$program" man --directory "$package/man"
"$program" completions bash >"$package/completions/mailserver-sidecar"
"$program" completions zsh >"$package/completions/_mailserver-sidecar"
"$program" completions fish >"$package/completions/mailserver-sidecar.fish"

cargo deb --locked --no-build "$@"
