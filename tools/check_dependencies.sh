#!/usr/bin/env bash
# Checks the directions of docs/architecture.md: which package may depend on which, and who may load LibTorch; and that
# every table computes in the one precision that all processors have (tables/recipes.bzl).
set -euo pipefail
cd "$(dirname "$0")/.."

failed=0
# forbid FROM TO: no target of FROM may reach TO.
forbid() {
  local path
  path=$(bazel query --noshow_progress --noimplicit_deps "somepath($1, $2)" 2>/dev/null)
  if [ -n "$path" ]; then
    printf 'forbidden dependency, %s must not reach %s:\n%s\n' "$1" "$2" "$path" >&2
    failed=1
  fi
}

for package in data augment models ssl eval; do forbid //cassle/base/... "//cassle/$package/..."; done
for package in augment models ssl eval; do forbid //cassle/data/... "//cassle/$package/..."; done
for package in models ssl eval; do forbid //cassle/augment/... "//cassle/$package/..."; done
for package in ssl eval; do forbid //cassle/models/... "//cassle/$package/..."; done
# Monitors use libraries of eval, not its stages.
for stage in embed_stage linear_probe_stage knn_stage few_shot_stage regression_stage spectrum_stage retrieval_stage project_stage report_stage invariance_stage interpolation_stage predict_augmentation_stage; do
  forbid //cassle/ssl/... "//cassle/eval:$stage"
done
forbid //cassle/eval/... //cassle/ssl/...
for package in base data augment; do forbid "//cassle/$package/..." @libtorch//:libtorch; done
networks='kind("cassle_(pretrain|embed|fine_tune) rule", //tables/...)'
elsewhere=$(bazel query --noshow_progress "$networks except attr(flags, '--precision=float32', $networks)" 2>/dev/null)
if [ -n "$elsewhere" ]; then
  printf 'without --precision=float32 these differ from processor to processor:\n%s\n' "$elsewhere" >&2
  failed=1
fi

# Methods, objectives, networks and monitors name no device: tensors are made where their inputs are (docs/gpu.md).
mapfile -t deviceless < <(grep -lE 'public Method\b' cassle/ssl/*.cc | grep -v _test.cc
  ls cassle/ssl/*objectives.cc cassle/ssl/{encoder,predictor,momentum_encoder,momentum_update,key_queue,step_rows,monitor}.cc
  ls cassle/models/{resnet,vit,mlp,generated_mlp,conditioning}.cc)
if grep -nE '\bk(CPU|CUDA)\b|\bis_c(pu|uda)\(|\.c(pu|uda)\(|c10::Device\b' "${deviceless[@]}" >&2; then
  echo 'these files must not name a device: make tensors where their inputs are (docs/gpu.md)' >&2
  failed=1
fi
exit $failed
