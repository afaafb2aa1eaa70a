#include "cassle/ssl/method/stochastic_depth.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>

#include <utility>

#include "cassle/models/networks/drop_path.h"
#include "cassle/runtime/ranks/team.h"
#include "cassle/ssl/method/method_wrapper.h"

namespace cassle {
namespace {

class StochasticDepth : public MethodWrapper {
 public:
  StochasticDepth(std::unique_ptr<Method> method, double rate, uint64_t seed, Team* team)
      : MethodWrapper(std::move(method)),
        path_(std::make_shared<DropPath>(rate, seed)),
        steps_(at::zeros({}, at::kLong)),
        team_(team) {
    backbone().set_drop_path(path_);
  }

  MethodOutput Forward(const Batch& batch) override {
    const int64_t rows = batch.views.at(0).descriptors.size(0);
    path_->Begin(steps_.item().toLong(),
                 rows_before_ + (team_ == nullptr ? 0 : team_->OwnRows(rows).first));
    rows_before_ += rows;
    return MethodWrapper::Forward(batch);
  }

  void AfterStep() override {
    MethodWrapper::AfterStep();
    steps_.add_(1);
    rows_before_ = 0;
  }

  // A resumed run draws what an undisturbed one draws.
  std::vector<NamedTensor> other_state() const override {
    std::vector<NamedTensor> state = MethodWrapper::other_state();
    state.push_back({"stochastic_depth.steps", steps_});
    return state;
  }

 private:
  const std::shared_ptr<DropPath> path_;
  const at::Tensor steps_;
  Team* const team_;
  // Of this step, in calls of Forward before.
  int64_t rows_before_ = 0;
};

}  // namespace

std::unique_ptr<Method> WithStochasticDepth(std::unique_ptr<Method> method, double rate,
                                            const MethodSetup& setup) {
  if (rate == 0) return method;
  return std::make_unique<StochasticDepth>(std::move(method), rate, setup.seed, setup.team);
}

}  // namespace cassle
