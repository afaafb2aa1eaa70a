#!/usr/bin/env bash
# A Markdown table of training runs: what the monitors measured before the first step and after the
# last (pretrain --monitor.every_epochs), and how far the projections spread at the end.
#   tools/monitor_table.sh NAME=FOLDER...      # outputs of pretrain, one row each
set -euo pipefail

# field LINE NAME: a number of a line of metrics.jsonl.
field() { sed -n "s/.*\"$2\":\([-0-9.e]*\).*/\1/p" <<<"$1"; }
percent() { awk -v fraction="$1" 'BEGIN { printf "%.1f", 100 * fraction }'; }

echo "| run | linear probe, % | gain | nearest neighbours, % | gain | spread of projections |"
echo "| --- | ---: | ---: | ---: | ---: | ---: |"
for row in "$@"; do
  metrics=${row#*=}/metrics.jsonl
  [ -f "$metrics" ] || { echo "monitor_table.sh: no $metrics: expected an output of pretrain" >&2; exit 66; }
  first=$(grep -m1 probe_accuracy "$metrics" || true)
  last=$(grep probe_accuracy "$metrics" | tail -1 || true)
  if [ -z "$last" ] || [ "$first" = "$last" ]; then
    echo "monitor_table.sh: $metrics has no measurements: train with --monitor.every_epochs" >&2
    exit 65
  fi
  spread=$(field "$(grep projection_spread "$metrics" | tail -1)" projection_spread)
  printf '| %s |' "${row%%=*}"
  for what in probe_accuracy knn_accuracy; do
    before=$(percent "$(field "$first" $what)")
    after=$(percent "$(field "$last" $what)")
    printf ' %s | %s |' "$after" "$(awk -v a="$after" -v b="$before" 'BEGIN { printf "%+.1f", a - b }')"
  done
  awk -v spread="$spread" 'BEGIN { printf " %.2f |\n", spread }'
done
