#!/usr/bin/env bash
# Runs the fuzz targets with libFuzzer, one after the other, at the lowest priority.
#   tools/fuzz.sh [SECONDS] [TARGET...]
#   SECONDS  for each target, default 600
#   TARGET   e.g. //cassle/data/images:image_fuzzer; default: all
# What a run learns is kept in .fuzz/NAME/corpus (CASSLE_FUZZ_DIR) and used by the next one;
# findings in .fuzz/NAME/findings. Exit code 1 if there is a finding.
# Environment: BAZEL (default "bazel"; may have start-up options).
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=600
if [[ ${1:-} =~ ^[0-9]+$ ]]; then
  seconds=$1
  shift
fi
[[ ${1:-} != -* ]] || { echo "usage: tools/fuzz.sh [SECONDS] [TARGET...]" >&2; exit 64; }
if ! command -v clang >/dev/null; then
  echo "fuzz.sh: clang is missing: tools/install_deps.sh --fuzz" >&2
  exit 66
fi
read -ra bazel <<<"${BAZEL:-bazel}"
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  mapfile -t targets < <("${bazel[@]}" query --noshow_progress \
    'attr(name, "_fuzzer$", kind(cc_test, //cassle/...))' 2>/dev/null)
  [ ${#targets[@]} -gt 0 ] || { echo "fuzz.sh: bazel query finds no target" >&2; exit 71; }
fi
"${bazel[@]}" build --noshow_progress --config=fuzz "${targets[@]}" >&2
built=$("${bazel[@]}" info --config=fuzz bazel-bin 2>/dev/null)

repository=$PWD
folder=$(realpath -m "${CASSLE_FUZZ_DIR:-.fuzz}")
found=0
for target in "${targets[@]}"; do
  package=${target#//}
  package=${package%:*}
  name=${target##*:}
  seeds=$repository/$package/testdata/fuzz/$name
  work=$folder/$name
  mkdir -p "$work/corpus" "$work/findings"
  # A copy, so that another build does not exchange it while it runs.
  cp -f "$built/$package/$name" "$work/$name"
  options=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=8192
    -print_final_stats=1 -artifact_prefix="$work/findings/")
  [ ! -f "$seeds.dict" ] || options+=(-dict="$seeds.dict")
  [ ! -f "$seeds.options" ] || mapfile -t -O ${#options[@]} options <"$seeds.options"
  echo "fuzz.sh: $target, $seconds s; log in $work/log" >&2
  status=0
  (cd "$work" && exec nice -n 19 "./$name" "${options[@]}" corpus "$seeds" >log 2>&1) || status=$?
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")
  coverage=$(grep -o 'cov: [0-9]* ft: [0-9]*' "$work/log" | tail -1 || true)
  if [ $status -eq 0 ]; then
    echo "$target: no finding in $runs runs, ${coverage:-nothing covered}"
  else
    found=1
    finding=$(sed -n 's/.*Test unit written to //p' "$work/log" | tail -1)
    echo "$target: FINDING after ${runs:-?} runs: ${finding:-see $work/log}"
    grep -m3 -E 'ERROR:|runtime error:|does not hold:|SUMMARY:' "$work/log" | sed 's/^/  /' || true
    echo "  again:  $work/$name $finding"
    echo "  then mend it, and keep the input as a regression test under a name that says what it is:"
    echo "  cp $finding $package/testdata/fuzz/$name/WHAT_IT_IS && bazel test $target"
  fi
done
exit $found
