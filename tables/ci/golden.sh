#!/bin/bash
# Compares a report's scores with golden ones, or makes them the new golden ones.
#   golden.sh compare TABLE GOLDEN BOUNDS CLAIMS   exit 1 unless every score is within its bound and every claim holds
#   golden.sh refresh TABLE GOLDEN BOUNDS CLAIMS   shows old, new and change; writes GOLDEN unless a claim fails
# TABLE is a folder of `report`. GOLDEN, BOUNDS and CLAIMS are CSV, their columns named in the first line; row * of BOUNDS
# means the rows that are not named. `bazel run` gives GOLDEN relative to the source tree.
set -euo pipefail
usage() { sed -n '3,4s/^# *//p' "$0" >&2; exit 64; }
[ $# -eq 5 ] || usage
command=$1 scores=$2/scores.csv golden=$3 bounds=$4 claims=$5
case $command in compare) ;; refresh) golden=${BUILD_WORKSPACE_DIRECTORY:+$BUILD_WORKSPACE_DIRECTORY/}$golden ;; *) usage ;; esac
for file in "$scores" "$bounds" "$claims"; do
  [ -s "$file" ] || { echo "golden.sh: $file is missing or empty" >&2; exit 66; }
done
[ "$command" = refresh ] || [ -s "$golden" ] || { echo "golden.sh: $golden is missing or empty" >&2; exit 66; }

new=$(mktemp)
trap 'rm -f "$new"' EXIT
# Four decimals: beyond that machines differ always.
status=0
awk -v scores="$scores" -v golden="$golden" -v bounds="$bounds" -v claims="$claims" -v new="$new" '
  # Fields of a CSV line, quotes and commas within them included; returns how many.
  function fields(line, into,    count, part) {
    count = 0
    while (length(line)) {
      if (match(line, /^"([^"]|"")*"(,|$)/)) {
        part = substr(line, 2, RLENGTH - 2); sub(/"?,?$/, "", part); gsub(/""/, "\"", part)
      } else {
        match(line, /^[^,]*(,|$)/); part = substr(line, 1, RLENGTH); sub(/,$/, "", part)
      }
      into[++count] = part
      line = substr(line, RLENGTH + 1)
    }
    return count
  }
  function number(text) { return text ~ /^[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?$/ }
  # A file of numbers: the wanted columns, joined, are the key in `into`; `order` lists the keys.
  function load(path, wanted, value, into, order,    line, names, cells, columns, at, key, i, n, read, header) {
    n = split(wanted, columns, " ")
    while ((read = (getline line < path)) > 0) {
      if (line ~ /^#/ || line == "") continue
      if (!header++) {
        for (i = fields(line, names); i > 0; --i) at[names[i]] = i
        for (i = 1; i <= n; ++i) if (!(columns[i] in at)) stop(path " has no column " columns[i])
        if (!(value in at)) stop(path " has no column " value)
        continue
      }
      split("", cells); fields(line, cells)
      key = cells[at[columns[1]]]
      for (i = 2; i <= n; ++i) key = key SUBSEP cells[at[columns[i]]]
      if (key in into) stop(path " has two lines for " shown(key))
      if (!number(cells[at[value]])) stop(path ": " value " of " shown(key) " is \"" cells[at[value]] "\", not a number")
      into[key] = cells[at[value]] + 0
      order[++count[path]] = key
    }
    if (read < 0 && path != golden) stop(path " cannot be read")
  }
  function shown(key) { gsub(SUBSEP, ", ", key); return key }
  function stop(message) { print "golden.sh: " message > "/dev/stderr"; stopped = 1; exit 65 }
  function quoted(text) { if (text ~ /[",]/) { gsub(/"/, "\"\"", text); text = "\"" text "\"" } return text }
  function line(key, old, change, within, verdict,    part, name) {
    split(key, part, SUBSEP)
    name = part[1] ": " part[2] ": " part[3]
    printf "%-64s %9s %9s %9s %8s  %s\n", name, old, key in score ? sprintf("%.4f", score[key]) : "-", change, within, verdict
  }
  function compare(key,    part, bound_key, change, beyond) {
    split(key, part, SUBSEP)
    bound_key = key in within ? key : part[1] SUBSEP "*" SUBSEP part[3]
    if (!(bound_key in within)) { line(key, "-", "-", "-", "NO BOUND"); ++bad; return }
    if (!(key in old)) { line(key, "-", "-", within[bound_key], "NEW"); ++moved; ++bad; return }
    # What golden.csv rounded is no change.
    change = sprintf("%.4f", score[key]) - old[key]
    if (change != 0) ++moved
    beyond = (change < 0 ? -change : change) > within[bound_key] + 1e-9
    bad += beyond
    line(key, sprintf("%.4f", old[key]), sprintf("%+.4f", change), within[bound_key], beyond ? "BEYOND" : "ok")
  }
  function check_claim(key,    part, high, low, held) {
    split(key, part, SUBSEP)
    high = part[1] SUBSEP part[2] SUBSEP part[4]; low = part[1] SUBSEP part[3] SUBSEP part[4]
    if (!(high in score)) stop(claims ": there is no score " shown(high))
    if (!(low in score)) stop(claims ": there is no score " shown(low))
    held = score[high] - score[low] >= claim[key]
    printf "%s, %s: %s is %+.4f from %s, claimed at least %+.4f: %s\n", part[1], part[4], part[2], score[high] - score[low],
      part[3], claim[key], held ? "holds" : "DOES NOT HOLD"
    if (!held) ++broken
  }
  BEGIN {
    load(scores, "stage row column", "value", score, score_order)
    load(golden, "stage row column", "value", old, old_order)
    load(bounds, "stage row column", "within", within, bound_order)
    load(claims, "stage more less column", "by", claim, claim_order)
    if (!count[scores]) stop(scores " has no scores")
    printf "%-64s %9s %9s %9s %8s\n", "score", "golden", "now", "change", "within"
    print "stage,row,column,value" > new
    for (i = 1; i <= count[scores]; ++i) {
      key = score_order[i]
      compare(key)
      split(key, part, SUBSEP)
      printf "%s,%s,%s,%.4f\n", quoted(part[1]), quoted(part[2]), quoted(part[3]), score[key] > new
    }
    for (i = 1; i <= count[golden]; ++i)
      if (!(old_order[i] in score)) { line(old_order[i], sprintf("%.4f", old[old_order[i]]), "-", "-", "GONE"); ++moved; ++bad }
    print ""
    for (i = 1; i <= count[claims]; ++i) check_claim(claim_order[i])
    printf "\n%d scores, %d not as golden, %d of them beyond bounds or unknown; %d of %d claims do not hold\n",
      count[scores], moved, bad, broken, count[claims]
    exit broken ? 11 : bad ? 10 : 0
  }
  END { if (stopped) exit 65 }
' || status=$?
case $command:$status in
  *:65) exit 65 ;;
  compare:0) ;;
  compare:10) echo "Is the change meant? bazel run //tables/ci:refresh shows it and writes $golden; commit that with the reason."
    exit 1 ;;
  *:11) echo "Claims hold on any machine ($claims): refreshing does not help. What the change broke has to be mended."
    exit 1 ;;
  refresh:0 | refresh:10)
    if cmp -s "$new" "$golden"; then
      echo "$golden is up to date"
    else
      cat "$new" > "$golden"
      echo "wrote $golden"
    fi ;;
  *) exit "$status" ;;
esac
