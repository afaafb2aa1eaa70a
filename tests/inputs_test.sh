#!/bin/bash
# docs/inputs.md, row by row: make_NAME (inputs/*.sh) makes what "you have" in a folder of its own, what "you type" is typed
# there, and of "you get" is checked: the exit code, if not 0; what the data set `images` holds ("train: 2 cat, 2 dog"); and
# that what stands in backticks is said, or listed in the CSV files of `images`. check_NAME looks further.
page=$PWD/docs/inputs.md
inputs=$PWD/tests/inputs
source tests/lib.sh
PATH=$stages/data:$stages/ssl:$stages/models:$stages/eval:$PATH
for group in "$inputs"/*.sh; do source "$group"; done

pictures() { python3 "$inputs/png.py" "$@"; }

# coded TEXT: what stands in backticks there, one a line.
coded() { grep -o '`[^`]*`' <<< "$1" | tr -d '`'; }

# run_row NAME TYPED GOT SAID: runs a row in the current folder; SAID is the file for what is printed.
run_row() {
  local name=$1 typed=$2 got=$3 said=$4 code=0 status=0 held sentence
  [[ $got =~ exit\ code\ ([0-9]+) ]] && code=${BASH_REMATCH[1]}
  bash -ec "$(coded "$typed")" < /dev/null > "$said" 2>&1 || status=$?
  [ "$status" -eq "$code" ] || fail "$name: exit code $status"
  if [ -d images ]; then
    tail -v -n +1 images/*.csv >> "$said"
    held=$(python3 "$inputs/describe.py" images)
    [[ $got =~ ^\ "$held"[.\;:\ ] ]] || fail "$name: the data set holds \"$held\""
  fi
  while read -r sentence; do
    grep -qF -- "$sentence" "$said" || fail "$name: nothing says \"$sentence\""
  done < <(coded "$got")
  if [ "$(type -t "check_$name")" ]; then "check_$name" "$said"; fi
}

rows=()
while IFS='|' read -r _ have typed got _; do
  name=$(sed -E 's/^ \*\*([a-z ]+)\*\*.*/\1/; s/ /_/g' <<< "$have")
  rows+=("make_$name")
  failures_before=$(wc -l < "$failures")
  mkdir "$name" && cd "$name" || exit 1
  if "make_$name" > "$work/said" 2>&1; then run_row "$name" "$typed" "$got" "$work/said"; else fail "make_$name"; fi
  cd "$work" || exit 1
  [ "$(wc -l < "$failures")" -eq "$failures_before" ] || cat said >&2
done < <(grep '^| \*\*' "$page")

# Every row, and no other, has its maker.
diff <(printf '%s\n' "${rows[@]}" | sort) <(compgen -A function make_ | sort) >&2 || fail "rows (<) and their makers (>) differ"
finish
