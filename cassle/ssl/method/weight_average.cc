#include "cassle/ssl/method/weight_average.h"

#include <ATen/core/grad_mode.h>
#include <c10/util/Exception.h>

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cassle/ssl/method/method_wrapper.h"

namespace cassle {
namespace {

constexpr char kAverage[] = "average.";

class Averaged : public MethodWrapper {
 public:
  Averaged(std::unique_ptr<Method> method, double decay)
      : MethodWrapper(std::move(method)), decay_(decay) {
    trained_ = FinishedState(*this);
    for (const NamedTensor& named : trained_) {
      averages_.push_back({absl::StrCat(kAverage, named.name), named.tensor.detach().clone()});
    }
  }

  void AfterStep() override {
    MethodWrapper::AfterStep();
    const at::NoGradGuard no_grad;
    for (size_t i = 0; i < averages_.size(); ++i) {
      at::Tensor average = averages_[i].tensor;
      // lerp leaves what is equal exactly as it is: frozen weights do not drift.
      if (average.is_floating_point()) {
        average.lerp_(trained_[i].tensor, 1 - decay_);
      } else {
        average.copy_(trained_[i].tensor);
      }
    }
  }

  std::vector<NamedTensor> other_state() const override {
    std::vector<NamedTensor> state = MethodWrapper::other_state();
    state.insert(state.end(), averages_.begin(), averages_.end());
    return state;
  }

 private:
  const double decay_;
  // Handles, in the same order as their averages.
  std::vector<NamedTensor> trained_;
  std::vector<NamedTensor> averages_;
};

}  // namespace

std::unique_ptr<Method> WithAverage(std::unique_ptr<Method> method, double decay) {
  return std::make_unique<Averaged>(std::move(method), decay);
}

std::vector<NamedTensor> FinishedState(const Method& method) {
  std::vector<NamedTensor> trained, averages;
  for (const NamedTensor& named : method.state()) {
    absl::string_view name = named.name;
    const bool is_average = absl::ConsumePrefix(&name, kAverage);
    if (!absl::StartsWith(name, "backbone.") && !absl::StartsWith(name, "projector.")) continue;
    (is_average ? averages : trained).push_back({std::string(name), named.tensor});
  }
  return averages.empty() ? trained : averages;
}

void CopyTensors(const std::vector<NamedTensor>& from, const std::vector<NamedTensor>& to) {
  const at::NoGradGuard no_grad;
  TORCH_CHECK(from.size() == to.size(), "CopyTensors: ", from.size(), " into ", to.size());
  for (size_t i = 0; i < from.size(); ++i) {
    TORCH_CHECK(from[i].name == to[i].name && from[i].tensor.sizes() == to[i].tensor.sizes(),
                "CopyTensors: ", from[i].name, " into ", to[i].name);
    to[i].tensor.detach().copy_(from[i].tensor);
  }
}

}  // namespace cassle
