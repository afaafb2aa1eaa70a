#include "cassle/ssl/encoder.h"

#include <ATen/autocast_mode.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

// Autocast to bfloat16 while it lives. Casts of parameters are cached inside; the cache is dropped
// at the end, before an optimiser changes them.
class Bfloat16Scope {
 public:
  explicit Bfloat16Scope(bool on) : on_(on), was_on_(at::autocast::is_cpu_enabled()) {
    if (!on_) return;
    at::autocast::increment_nesting();
    at::autocast::set_autocast_cpu_dtype(at::kBFloat16);
    at::autocast::set_cpu_enabled(true);
  }
  ~Bfloat16Scope() {
    if (!on_) return;
    at::autocast::set_cpu_enabled(was_on_);
    if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  }
  Bfloat16Scope(const Bfloat16Scope&) = delete;
  Bfloat16Scope& operator=(const Bfloat16Scope&) = delete;

 private:
  const bool on_;
  const bool was_on_;
};

}  // namespace

absl::StatusOr<Encoder> Encoder::Create(const MethodSetup& setup, int64_t hidden_size,
                                        int64_t projection_size) {
  if (hidden_size < 0 || projection_size < 1) {
    return absl::InvalidArgumentError(absl::StrCat("hidden_size is ", hidden_size,
                                                   " and projection_size ", projection_size,
                                                   "; they must be positive"));
  }
  Encoder encoder;
  encoder.precision_ = setup.precision;
  CASSLE_ASSIGN_OR_RETURN(encoder.backbone_, setup.make_backbone());
  MlpOptions mlp;
  mlp.in = encoder.backbone_->feature_size();
  mlp.hidden = hidden_size > 0 ? hidden_size : mlp.in;
  mlp.out = projection_size;
  CASSLE_ASSIGN_OR_RETURN(
      encoder.projector_,
      MakeConditionedProjector(setup.conditioning, setup.descriptor_size, mlp, setup.seed));
  return encoder;
}

at::Tensor Encoder::Project(const View& view) {
  at::Tensor projections;
  {
    Bfloat16Scope scope(precision_ == Precision::kBfloat16);
    projections = projector_->forward(backbone_->forward(view.images), view.descriptors);
  }
  return projections.scalar_type() == at::kBFloat16 ? projections.to(at::kFloat) : projections;
}

}  // namespace cassle
