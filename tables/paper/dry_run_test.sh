#!/bin/bash
# The dry run's folders: both reports with every row and column of the paper's tables, and a model of every method and
# treatment for each. Arguments: what //tables/paper:dry_run made.
set -euo pipefail
failures=0
fail() { echo "dry_run_test: $*" >&2; failures=$((failures + 1)); }

probes="aircraft caltech101 cars cifar10 cifar100 dtd flowers102 food101 mit67 pets sun397"
episodes="cub200 fc100 plant_disease"

# A line of the scores that starts so, its value a share of 1.
expect_score() {
  awk -F, -v start="$2" 'index($0, start) == 1 { ++lines; rest = substr($0, length(start) + 1); split(rest, field); value = field[2] }
    END { exit !(lines == 1 && value > 0 && value <= 1) }' "$1/scores.csv" || fail "$1/scores.csv has not one line '$2<source>,<share>'"
}

check_table() {
  for row in "random encoder" "MoCo-v2" "MoCo-v2 + AugSelf" "MoCo-v2 + CASSLE"; do
    for set in $probes; do expect_score "$1" "linear-probe,$row,$set,"; done
    for set in $episodes; do
      for shots in 1 5; do expect_score "$1" "few-shot,$row,\"$set label, 5-way $shots-shot\","; done
    done
  done
  grep -q "<html" "$1/report.html" || fail "$1/report.html is no page"
}

tables=() models=()
for path in "$@"; do
  if [ -e "$path/scores.csv" ]; then tables+=("$path"); check_table "$path"; fi
  if [ -e "$path/model.textproto" ]; then models+=("$path"); fi
done
[ ${#tables[@]} = 2 ] || fail "${#tables[@]} reports instead of 2"

for table in imagenet100 stl10; do
  for method in moco_v2 simclr barlow_twins byol simsiam moco_v3; do
    for treatment in none augself cassle; do
      model=
      for path in "${models[@]}"; do
        if [[ $path == */dry_${table}_${method}_${treatment}_1 ]]; then model=$path; fi
      done
      if [ -z "$model" ]; then fail "no model dry_${table}_${method}_${treatment}_1"; continue; fi
      case $treatment in
        none) words="$method, conditioning none," ;;
        augself) words="$method, conditioning none, AugSelf" ;;
        # The authors' groups, without flip.
        cassle) words="$method, conditioning mlp (blur, color, color_diff, crop, grayscale)" ;;
      esac
      grep -qF "$words" "$model/model.textproto" || fail "$model/model.textproto does not say '$words'"
      [ -s "$model/weights.safetensors" ] || fail "$model has no weights"
    done
  done
done
[ "$failures" = 0 ] || exit 1
echo "2 reports with 4 rows of 11 probes and 6 few-shot columns, 36 models"
