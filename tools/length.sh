#!/usr/bin/env bash
# Computes the next missing links of a table of //tables/length and keeps what it finds: first all rows of the first seed
# after the fewest epochs, then longer, and further seeds a step behind. Stops in time, when interrupted too, and goes on where
# it stood when it is started again (docs/results/length.md).
#   tools/length.sh [--table=cpu] [--minutes=50] [--epochs=100] [--rows=none,raw] [--jobs=2] [--pause_while=FILE] [--work=FOLDER] [--kept=FOLDER] [--dry_run]
#   --table=NAME        cpu, gpu or why
#   --minutes=N         stops before so many minutes are over; an unfinished link stays at its last checkpoint
#   --epochs=N          leaves out longer links
#   --rows=KEYS         computes these rows only (tables/length), all seeds and lengths of them; name what they are compared with
#                       too
#   --jobs=N            trainings at once; default: as many as processors, 1 on a GPU
#   --pause_while=FILE  stands still while there is such a file
#   --work=FOLDER       models with their checkpoints; default: ~/.cache/cassle/length/TABLE. Copy it to go on elsewhere
#   --kept=FOLDER       what is found; default: docs/results/length/TABLE
#   --dry_run           lists what is missing, in its order
#   tools/length.sh --document    fills in what is kept in the documentation (tools/length/doc_tables.py); trains nothing
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "$*" = --document ]; then
  targets=() curves=()
  for table in cpu raw why; do
    targets+=("//tables/length:${table}_curves")
    curves+=("--curves=$table=bazel-bin/tables/length/${table}_curves/curves.csv")
  done
  bazel build --noshow_progress "${targets[@]}" >&2
  exec python3 tools/length/doc_tables.py "${curves[@]}" docs/results/length.md docs/reproducing.md
fi
table=cpu arguments=() before=
for argument in "$@"; do
  # Paths are from where this was called, as run.py is called from here. It takes "--work FOLDER" too.
  case "$before $argument" in
    "--work "[!/-]* | "--kept "[!/-]* | "--pause_while "[!/-]*) argument=$OLDPWD/$argument ;;
  esac
  before=$argument
  case $argument in
    --table=*) table=${argument#*=} ;;
    --work=[!/]* | --kept=[!/]* | --pause_while=[!/]*) arguments+=("${argument%%=*}=$OLDPWD/${argument#*=}") ;;
    --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' tools/length.sh; exit ;;
    *) arguments+=("$argument") ;;
  esac
done
flags=$(tools/find_libtorch.sh --flags)
bazel build ${flags:+"$flags"} --noshow_progress "//tables/length:$table" >&2
commit=$(git rev-parse --short HEAD 2> /dev/null || true)
[ -z "$commit" ] || git diff --quiet HEAD || commit+=-dirty
exec python3 tools/length/run.py --plan="bazel-bin/tables/length/$table.json" --work="$HOME/.cache/cassle/length/$table" \
  --kept="docs/results/length/$table" --commit="$commit" "${arguments[@]}"
