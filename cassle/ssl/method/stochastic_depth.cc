#include "cassle/ssl/method/stochastic_depth.h"

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "cassle/models/networks/drop_path.h"
#include "cassle/runtime/ranks/team.h"
#include "cassle/ssl/method/method_wrapper.h"
#include "cassle/ssl/method/step_position.h"

namespace cassle {
namespace {

class StochasticDepth : public MethodWrapper {
 public:
  StochasticDepth(std::unique_ptr<Method> method, std::shared_ptr<DropPath> drop_path, Team* team)
      : MethodWrapper(std::move(method)), drop_path_(std::move(drop_path)), team_(team) {}

  MethodOutput Forward(const Batch& batch) override {
    const int64_t rows = batch.views.at(0).descriptors.size(0);
    const int64_t first = team_ == nullptr ? 0 : team_->OwnRows(rows).first;
    drop_path_->Begin(position_.step(), position_.first_row() + first);
    position_.Pass(rows);
    return MethodWrapper::Forward(batch);
  }

  void AfterStep() override {
    MethodWrapper::AfterStep();
    position_.NextStep();
  }

  std::vector<NamedTensor> other_state() const override {
    std::vector<NamedTensor> state = MethodWrapper::other_state();
    state.push_back(position_.state("drop_path.steps"));
    return state;
  }

 private:
  const std::shared_ptr<DropPath> drop_path_;
  Team* const team_;
  StepPosition position_;
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
