#!/usr/bin/env bash
# Checks the arrows of docs/architecture.md: which package may depend on which, and who may load LibTorch; and that
# every table computes in the one precision that all processors have (tables/recipes.bzl).
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -eq 0 ] || { echo "usage: tools/check_dependencies.sh" >&2; exit 64; }

failed=0
say() { printf '%s\n' "$*" >&2; failed=1; }
# query ARGUMENTS: what Bazel answers. What it says besides is seen if it fails.
said=$(mktemp)
trap 'rm -f "$said"' EXIT
query() { bazel query --noshow_progress "$@" 2> "$said" || { local code=$?; cat "$said" >&2; return $code; }; }

# The edges between packages of code that is not for tests: "FROM TO", without "cassle/". One query for all.
edges=$(query --output=graph --nograph:factored \
  'kind("(cc_|proto_|cc_proto_)(library|binary) rule", //cassle/...) except attr(testonly, 1, //cassle/...)' |
  sed -nE 's|^ *"//cassle/?([^:"]*):[^"]*" -> "//cassle/?([^:"]*):[^"]*".*|\1 \2|p' | sort -u)
packages=$(query --output=package //cassle/... | sed 's|^cassle/||')

# matching PATTERN: the packages it names: "data/**" is data and all below it, "data" itself alone.
matching() {
  case $1 in
    *'/**') grep -E "^${1%/**}(/|$)" <<<"$packages" || true ;;
    *) grep -Fx -- "$1" <<<"$packages" || true ;;
  esac
}
# below PACKAGE: what it depends on, itself apart.
below() {
  awk -v root="$1" '{ to[$1] = to[$1] " " $2 }
    function walk(p,  n, i, list) { n = split(to[p], list, " "); for (i = 1; i <= n; ++i)
      if (!(list[i] in seen)) { seen[list[i]]; if (list[i] != p) print list[i]; walk(list[i]) } }
    END { walk(root) }' <<<"$edges" | sort -u
}
# forbid "FROM..." "TO...": no package of FROM reaches one of TO.
forbid() {
  local from pattern found
  # "data/**" is a pattern of packages, and no list of what lies in a folder data.
  local -
  set -f
  for pattern in $1 $2; do
    [ -n "$(matching "$pattern")" ] || say "check_dependencies: no package matches $pattern"
  done
  local targets
  targets=$(for pattern in $2; do matching "$pattern"; done)
  for pattern in $1; do
    for from in $(matching "$pattern"); do
      found=$(below "$from" | grep -Fx -f <(printf '%s\n' $targets) | grep -vFx -- "$from" || true)
      [ -z "$found" ] || say "cassle/$from must not reach" $found
    done
  done
}

forbid base 'stage data/** augment/** runtime models/** probes/** features training_log ssl/** eval/**'
forbid stage 'data/** augment/** runtime models/** probes/** features training_log ssl/** eval/**'
forbid front 'data/** augment/** runtime models/** probes/** features training_log ssl/** eval/**'
forbid 'data/**' 'augment/** runtime models/** probes/** features training_log ssl/** eval/**'
forbid 'augment/**' 'runtime models/** probes/** features training_log ssl/** eval/**'
forbid runtime 'data/** augment/** models/** probes/** features training_log ssl/** eval/**'
forbid 'models/**' 'data/** augment/** probes/** features training_log ssl/** eval/**'
forbid 'probes/**' 'stage data/** augment/** runtime models/** features training_log ssl/** eval/**'
forbid features 'training_log ssl/** eval/**'
forbid training_log 'data/** augment/** runtime models/** ssl/** eval/**'
forbid 'ssl/**' 'eval eval/charts eval/curves eval/on_embeddings eval/on_images eval/reporting'
forbid 'eval/**' 'ssl/**'
forbid eval/charts 'stage data/** augment/** runtime models/** probes/** features training_log'
forbid eval/reporting 'eval/curves eval/on_embeddings eval/on_images'
forbid eval/curves 'eval/on_embeddings eval/on_images'

# Stages that need no tensor start in milliseconds; loading LibTorch costs about a second.
for package in base stage front 'data/...' 'augment/...' 'probes/...' training_log eval/embeddings eval/result eval/charts \
  eval/curves eval/on_embeddings eval/reporting; do
  pattern=//cassle/$package
  [[ $package == *... ]] || pattern+=:all
  path=$(query --noimplicit_deps "somepath($pattern, @libtorch//:libtorch)")
  [ -z "$path" ] || say "$pattern must not load LibTorch:"$'\n'"$path"
done

networks='kind("cassle_(pretrain|embed|fine_tune) rule", //tables/...)'
elsewhere=$(query "$networks except attr(flags, '--precision=float32', $networks)")
[ -z "$elsewhere" ] || say "without --precision=float32 these differ from processor to processor:"$'\n'"$elsewhere"

# Methods, objectives, networks and monitors name no device: tensors are made where their inputs are (docs/gpu.md).
mapfile -t deviceless < <(ls cassle/ssl/{objectives,method,methods}/*.{h,cc} cassle/ssl/training/{monitor.h,feature_monitor.{h,cc}} \
  cassle/models/networks/*.{h,cc} | grep -vE '_(test|benchmark)\.cc$')
if grep -nE '\bk(CPU|CUDA)\b|\bDeviceType::|\bDevice\b|\bis_c(pu|uda)\(|\.c(pu|uda)\(|"c(pu|uda)\b' "${deviceless[@]}" >&2; then
  say 'these files must not name a device: make tensors where their inputs are (docs/gpu.md)'
fi
exit $failed
