#include "cassle/ssl/method/stochastic_depth.h"

#include <ATen/ops/zeros.h>

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "cassle/models/networks/drop_path.h"
#include "cassle/runtime/ranks/team.h"
#include "cassle/ssl/method/method_wrapper.h"

namespace cassle {
namespace {

class StochasticDepth : public MethodWrapper {
 public:
  StochasticDepth(std::unique_ptr<Method> method, std::shared_ptr<DropPath> drop_path, Team* team)
      : MethodWrapper(std::move(method)),
        drop_path_(std::move(drop_path)),
        team_(team),
        steps_(at::zeros({}, at::kLong)) {}

  MethodOutput Forward(const Batch& batch) override {
    const int64_t rows = batch.views.at(0).descriptors.size(0);
    const int64_t first = team_ == nullptr ? 0 : team_->OwnRows(rows).first;
    drop_path_->Begin(steps_.item().toLong(), rows_of_step_ + first);
    rows_of_step_ += rows;
    return MethodWrapper::Forward(batch);
  }

  void AfterStep() override {
    MethodWrapper::AfterStep();
    steps_.add_(1);
    rows_of_step_ = 0;
  }

  std::vector<NamedTensor> other_state() const override {
    std::vector<NamedTensor> state = MethodWrapper::other_state();
    state.push_back({"drop_path.steps", steps_});
    return state;
  }

 private:
  const std::shared_ptr<DropPath> drop_path_;
  Team* const team_;
  // Steps taken, and rows that earlier parts of the batch of this one had.
  at::Tensor steps_;
  int64_t rows_of_step_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Method>> WithStochasticDepth(std::unique_ptr<Method> method,
                                                            double rate, uint64_t seed,
                                                            Team* team) {
  auto* branches = dynamic_cast<HasResidualBranches*>(&method->backbone());
  if (branches == nullptr) {
    return absl::InvalidArgumentError(
        "drop_path: this backbone has no residual branches; leave it out");
  }
  auto drop_path = std::make_shared<DropPath>(rate, seed);
  branches->Use(drop_path);
  return std::unique_ptr<Method>(
      std::make_unique<StochasticDepth>(std::move(method), std::move(drop_path), team));
}

}  // namespace cassle
