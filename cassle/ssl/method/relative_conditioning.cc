#include "cassle/ssl/method/relative_conditioning.h"

#include <ATen/TensorOperators.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/models/networks/conditioning.h"
#include "cassle/ssl/method/method_wrapper.h"

namespace cassle {
namespace {

class RelativelyConditioned : public MethodWrapper {
 public:
  using MethodWrapper::MethodWrapper;

  MethodOutput Forward(const Batch& batch) override {
    Batch relative = batch;
    View &view1 = relative.views.at(0), &view2 = relative.views.at(1);
    const at::Tensor difference = view1.descriptors - view2.descriptors;
    view1.descriptors = difference;
    view2.descriptors = -difference;
    return MethodWrapper::Forward(relative);
  }
};

}  // namespace

absl::StatusOr<std::unique_ptr<Method>> WithRelativeConditioning(const MethodSetup& setup,
                                                                 std::unique_ptr<Method> method) {
  if (!ConditionsRelatively(setup.conditioning)) return method;
  if (method->num_views() == 2) {
    return std::unique_ptr<Method>(new RelativelyConditioned(std::move(method)));
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "--conditioning.relative=true tells a view how it differs from the other one, and the method "
      "takes ",
      method->num_views(), method->num_views() == 1 ? " view" : " views",
      " of this policy; leave it out, or choose a policy of two views"));
}

}  // namespace cassle
