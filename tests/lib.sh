# Sourced by the end-to-end tests: the stages as commands, and checks.
set -u
stages=$PWD/cassle
work=$(mktemp -d "${TEST_TMPDIR:-/tmp}/cassle.XXXXXX")
cd "$work" || exit 1
# A line for each; a file, so that a check in a subshell counts too.
failures=$work/failures
: > "$failures"

# Commands, not functions: a test that kills one must know its process. Every stage, with _ for - in its name.
mkdir bin
for program in "$stages"/*/*; do
  if [ -f "$program" ] && [ -x "$program" ]; then ln -s "$program" "bin/$(basename "$program" | tr - _)"; fi
done
PATH=$work/bin:$PATH

# A data set and a training so small that they take moments.
small_shapes=(--source=shapes --shapes.num_train=320 --shapes.num_test=96)
small_training=(--policy=cifar --method=moco_v2 --set=method.moco_v2.queue_size=128 --conditioning=mlp
  --backbone.width_factor=0.125 --batch_size=32 --compute_threads=1)

fail() {
  echo "FAILED: $*" >&2
  echo >> "$failures"
}

# quietly NAME...: runs a command that must succeed; its output is shown only if it does not.
quietly() {
  "$@" > quietly.out 2>&1 || { fail "$* (exit $?)"; cat quietly.out >&2; }
}

# expect CODE PATTERN COMMAND...: the command exits with CODE, says one line on stderr that matches PATTERN (besides
# progress), and shows no stack trace.
expect() {
  local code=$1 pattern=$2 status=0
  shift 2
  "$@" > expect.out 2> expect.err || status=$?
  [ "$status" -eq "$code" ] || fail "$*: exit $status, expected $code: $(tail -1 expect.err)"
  tail -1 expect.err | grep -qE -- "$pattern" || fail "$*: said \"$(tail -1 expect.err)\", expected /$pattern/"
  ! grep -qE 'Stack trace|terminate called|\*\*\*|c10::Error' expect.err || fail "$*: shows a stack trace"
  # By convention x is the output of commands that must leave nothing.
  [ ! -e x ] && [ ! -e x.partial ] || { fail "$*: left $(ls -d x x.partial 2> /dev/null)"; rm -rf x x.partial; }
}

# The fingerprint of a complete output.
fingerprint() { sed -n 's/^fingerprint: "\(.*\)"/\1/p' "$1/stage.textproto"; }

# same A B: two outputs hold the same bytes, the costs in the manifest apart.
same() {
  diff -r --exclude=stage.textproto "$1" "$2" >&2 || fail "$1 and $2 differ"
  [ "$(fingerprint "$1")" = "$(fingerprint "$2")" ] || fail "$1 and $2 have different fingerprints"
}

finish() {
  local count
  count=$(wc -l < "$failures")
  cd / && rm -rf "$work"
  [ "$count" -eq 0 ] || { echo "$count failures" >&2; exit 1; }
  exit 0
}
