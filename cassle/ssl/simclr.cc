#include "cassle/ssl/simclr.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/ssl/encoder.h"
#include "cassle/ssl/objectives.h"

namespace cassle {
namespace {

class Simclr : public Method {
 public:
  Simclr(Encoder encoder, double temperature)
      : encoder_(std::move(encoder)), temperature_(temperature) {}

  MethodOutput Forward(const Batch& batch) override {
    const auto [features1, z1] = encoder_.Encode(batch.views.at(0));
    const auto [features2, z2] = encoder_.Encode(batch.views.at(1));
    return {NtXentLoss(z1, z2, temperature_), z1.detach(), z2.detach(), features1, features2};
  }

  void AfterStep() override {}

  std::vector<Network> networks() const override {
    return {{"backbone", encoder_.backbone(), true}, {"projector", encoder_.projector(), true}};
  }

 private:
  Encoder encoder_;
  const double temperature_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Method>> MakeSimclr(const v1::MethodConfig& config,
                                                   const MethodSetup& setup) {
  const v1::SimclrConfig& simclr = config.simclr();
  const double temperature = simclr.has_temperature() ? simclr.temperature() : 0.2;
  if (!(temperature > 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("method.simclr.temperature is ", temperature, "; it must be above 0"));
  }
  if (setup.batch_size < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("batch_size is ", setup.batch_size,
                     "; SimCLR takes its negatives from the batch and needs at least 2"));
  }
  CASSLE_ASSIGN_OR_RETURN(
      Encoder encoder,
      Encoder::Create(setup,
                      {.hidden = simclr.hidden_size(),
                       .out = simclr.has_projection_size() ? simclr.projection_size() : 128}));
  return std::unique_ptr<Method>(new Simclr(std::move(encoder), temperature));
}

}  // namespace cassle
