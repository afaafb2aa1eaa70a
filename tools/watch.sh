#!/usr/bin/env bash
# What the stages under way in a `bazel build` of this checkout say about themselves, refreshed every two seconds: each
# one's first and newest line. (Bazel prints a stage's output only when it ends.)
#   tools/watch.sh           until interrupted
#   tools/watch.sh --once    one look
set -euo pipefail
cd "$(dirname "$0")/.."
case $* in '' | --once) ;; *) echo "usage: tools/watch.sh [--once]" >&2; exit 64 ;; esac
# Not `bazel info`: it would wait for the build.
out=$(readlink "${BAZEL_OUT:-bazel-out}") || { echo "watch.sh: there is no bazel-out: nothing was built here yet" >&2; exit 66; }

show() {
  local said first last any=
  # Bazel keeps the files of stages that have ended: those say nothing new.
  while IFS= read -r -d '' said; do
    # Gone since.
    first=$(head -n 1 "$said" 2> /dev/null) && last=$(tail -n 1 "$said" 2> /dev/null) || continue
    any=1
    printf '%s\n    %s\n' "$first" "$last"
  done < <(find "$out/_tmp/actions" -name 'stderr-*' -size +0 -mmin -2 -print0 2> /dev/null | sort -zV)
  [ -n "$any" ] || echo "no stage is at work"
}

[ "${1:-}" != --once ] || { show; exit; }
while true; do
  [ ! -t 1 ] || printf '\033[H\033[2J'
  show
  sleep 2
done
