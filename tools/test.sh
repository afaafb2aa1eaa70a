#!/usr/bin/env bash
# Runs every test: installs what is missing, builds, `bazel test //...`. Arguments go to Bazel:
#   tools/test.sh --config=asan
set -euo pipefail
cd "$(dirname "$0")/.."
tools/install_deps.sh
exec bazel test "$@" //...
