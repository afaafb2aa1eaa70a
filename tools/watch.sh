#!/usr/bin/env bash
# What the stages under way in a `bazel build` of this checkout say about themselves, refreshed every two seconds: each
# one's first and newest line. (Bazel prints a stage's output only when it ends.)
#   tools/watch.sh           until interrupted
#   tools/watch.sh --once    one look
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1:-} in '' | --once) ;; *) echo "usage: tools/watch.sh [--once]" >&2; exit 64 ;; esac
# Not `bazel info`: it would wait for the build.
out=$(readlink "${BAZEL_OUT:-bazel-out}") || { echo "watch.sh: there is no bazel-out: nothing was built here yet" >&2; exit 66; }

show() {
  local said any=
  # Bazel keeps the files of stages that have ended: those say nothing new.
  for said in $(find "$out/_tmp/actions" -name 'stderr-*' -size +0 -mmin -2 2>/dev/null | sort -V); do
    any=1
    head -n 1 "$said"
    echo "    $(tail -n 1 "$said")"
  done
  [ -n "$any" ] || echo "no stage is at work"
}

[ "${1:-}" != --once ] || { show; exit; }
while true; do
  [ ! -t 1 ] || printf '\033[H\033[2J'
  show
  sleep 2
done
