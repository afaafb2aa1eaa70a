#!/usr/bin/env bash
# From nothing to a table: installs what is missing, builds the stages, runs the main job on the built-in data set
# (//tables:quickstart) and prints what a linear probe finds in encoders trained without and with CASSLE.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -eq 0 ] || { echo "usage: tools/quickstart.sh" >&2; exit 64; }
tools/install_deps.sh
flags=$(tools/find_libtorch.sh --flags)
bazel build ${flags:+"$flags"} //tables:quickstart
report="$(bazel info bazel-bin 2>/dev/null)/tables/quickstart/quickstart"
echo
cat "$report/table.md"
echo
echo "Report with curves and configurations: $report/report.html"
