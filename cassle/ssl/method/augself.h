// AugSelf (Lee et al. 2021, arXiv:2111.09613): heads that predict from the backbone's features of
// two views how their augmentations differ, so that the features keep what was done to a view.
// Beside any method, with or without conditioning:
//
//   setup.augself.set_crop(0.5);                    // MakeMethod does the rest
//   loader_options.relative_groups = AugSelfGroups(setup.augself);   // and setup.relative_groups
//
// Per target: [features of one view, those of the other] [2F] -> 512 -> 512 -> head.
//
//   target    head  loss (augself_objectives.h)
//   blur         1  DifferenceLoss
//   color        4  DifferenceLoss
//   crop         4  DifferenceLoss
//   flip         1  AgreementLoss
//   rotation     4  QuarterTurnLoss
//   solarize     1  DifferenceLoss; compat OFFICIAL: BroadcastDifferenceLoss
#ifndef CASSLE_SSL_METHOD_AUGSELF_H_
#define CASSLE_SSL_METHOD_AUGSELF_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/models/networks/mlp.h"
#include "cassle/ssl/method/augself.pb.h"
#include "cassle/ssl/method/method.h"

namespace cassle {

// The targets with a weight, which are descriptor groups, in alphabetical order; empty: AugSelf is
// off.
std::vector<std::string> AugSelfGroups(const v1::AugSelfConfig& config);

class AugSelf {
 public:
  // setup.augself, seed, precision and official are read. Heads are initialised from streams named
  // "augself_" + target + "." + parameter name. setup.augself has its defaults.
  // \error kInvalidArgument if no target has a weight.
  static absl::StatusOr<AugSelf> Create(const MethodSetup& setup, int64_t feature_size);

  // The weighted sum over the targets, float32. Both orders of the views are rows of one batch.
  //   features1, features2  [B, F] of views 1 and 2.
  //   relative1, relative2  [B, R]: view 1 relative to view 2, and the other way round, the groups
  //                         of AugSelfGroups() side by side (DescriptorLayout::DescribeRelative).
  // Throws c10::Error if shapes do not fit.
  at::Tensor Loss(const at::Tensor& features1, const at::Tensor& features2,
                  const at::Tensor& relative1, const at::Tensor& relative2);

  // Appends "augself_crop", ...: trained.
  void AppendTo(std::vector<Method::Network>* networks) const;

 private:
  struct Head {
    std::string group;
    double weight;
    // Columns of the relative descriptor.
    int64_t columns;
    at::Tensor (*loss)(const at::Tensor&, const at::Tensor&);
    std::shared_ptr<Mlp> network;
  };

  AugSelf() = default;

  std::vector<Head> heads_;
  Precision precision_ = Precision::kFloat32;
};

// `method` with AugSelf as setup.augself asks for; `method` itself if it asks for nothing.
// \error as AugSelf::Create; kInvalidArgument if setup.relative_groups lacks a target, or there is
// one view only.
absl::StatusOr<std::unique_ptr<Method>> WithAugSelf(const MethodSetup& setup,
                                                    std::unique_ptr<Method> method);

}  // namespace cassle

#endif  // CASSLE_SSL_METHOD_AUGSELF_H_
