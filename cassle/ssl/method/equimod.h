// EquiMod (Devillers & Lefort 2022, arXiv:2211.01244): a second head embeds the features of two
// views, and a predictor tells the embedding of each view from that of the other and from how their
// augmentations differ: what was done to a view has to move its embedding in a way that can be
// foretold. Beside any method, with or without conditioning and AugSelf:
//
//   setup.equimod.set_weight(1);                    // MakeMethod does the rest
//   loader_options.relative_groups = ...            // of setup.equimod, and setup.relative_groups
//
//   y_v   = projector(features of view v)           F -> 2048 -> 2048 -> 128, norm
//   t_v   = parameters(view v relative to the other)     R -> 128, norm
//   p_v   = predictor([y of the other view, t_v])   128 + 128 -> 128, norm
//   loss  = weight * NT-Xent over the 4B rows y_1, y_2, p_1, p_2, whose pairs are (y_v, p_v)
//
// which is the equivariance loss of the paper's section 3 as the authors' code has it (NtXentLoss
// in objectives.h): both ways, negatives are all other rows, the other view of the same image among
// them, temperature 0.2. Norms are batch norms at the end, without weight and bias but for that of
// the parameters; layers have no bias.
//
// As in the authors' code but for this: there a third, unaugmented view of every image is embedded,
// and each view is predicted from it and its own parameters. Here it is the other view and the
// relative parameters, as SIE has it (Garrido et al. 2023, arXiv:2302.10283), which costs no third
// view. The authors standardise the parameters by constants of their data set; here the batch norm
// behind their layer does.
#ifndef CASSLE_SSL_METHOD_EQUIMOD_H_
#define CASSLE_SSL_METHOD_EQUIMOD_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/models/networks/mlp.h"
#include "cassle/ssl/method/method.h"

namespace cassle {

// A weight switches it on.
inline bool HasEquiMod(const v1::EquiModConfig& config) { return config.weight() > 0; }

class EquiMod {
 public:
  // setup.equimod (with its defaults, and weight), seed and precision are read. Networks are
  // initialised from streams named "equimod_projector." + parameter name, "equimod_parameters."
  // and "equimod_predictor.".
  //   num_parameters  R, values of a relative descriptor.
  // \error kInvalidArgument if there are no parameters.
  static absl::StatusOr<EquiMod> Create(const MethodSetup& setup, int64_t feature_size,
                                        int64_t num_parameters);

  // The weighted loss, float32.
  //   features1, features2  [B, F] of views 1 and 2.
  //   relative1, relative2  [B, R]: view 1 relative to view 2, and the other way round.
  // Throws c10::Error if shapes do not fit.
  at::Tensor Loss(const at::Tensor& features1, const at::Tensor& features2,
                  const at::Tensor& relative1, const at::Tensor& relative2);

  // Appends "equimod_projector", "equimod_parameters", "equimod_predictor": trained.
  void AppendTo(std::vector<Method::Network>* networks) const;

 private:
  EquiMod() = default;

  v1::EquiModConfig config_;
  Precision precision_ = Precision::kFloat32;
  std::shared_ptr<Mlp> projector_;
  std::shared_ptr<Mlp> parameters_;
  std::shared_ptr<Mlp> predictor_;
};

// `method` with EquiMod if setup.equimod has a weight, else `method` itself. Its groups are
// setup.equimod.groups; none: all of setup.relative_groups.
// \error as EquiMod::Create; kInvalidArgument if setup.relative_groups lacks a group, or there is
// one view only.
absl::StatusOr<std::unique_ptr<Method>> WithEquiMod(const MethodSetup& setup,
                                                    std::unique_ptr<Method> method);

}  // namespace cassle

#endif  // CASSLE_SSL_METHOD_EQUIMOD_H_
