#include "cassle/ssl/methods/simclr.h"

#include <ATen/TensorOperators.h>
#include <c10/util/Exception.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/ssl/method/encoder.h"
#include "cassle/ssl/objectives/objectives.h"

namespace cassle {
namespace {

class Simclr : public Method {
 public:
  Simclr(Encoder encoder, double temperature, int64_t negative_groups)
      : encoder_(std::move(encoder)),
        temperature_(temperature),
        negative_groups_(negative_groups) {}

  MethodOutput Forward(const Batch& batch) override {
    const auto [features1, z1] = encoder_.Encode(batch.views.at(0));
    const auto [features2, z2] = encoder_.Encode(batch.views.at(1));
    return {Loss(z1, z2), z1.detach(), z2.detach(), features1, features2};
  }

  void AfterStep() override {}

  std::vector<Network> networks() const override {
    return {{"backbone", encoder_.backbone(), true}, {"projector", encoder_.projector(), true}};
  }

 private:
  // Mean over the groups: the authors average the gradients of their ranks. Batch norm is over the
  // batch, as synchronised there.
  at::Tensor Loss(const at::Tensor& z1, const at::Tensor& z2) const {
    const int64_t count = z1.size(0) / negative_groups_;
    TORCH_CHECK(count * negative_groups_ == z1.size(0) && count > 1, "SimCLR: ", z1.size(0),
                " images cannot be split into ", negative_groups_, " groups of 2 or more");
    at::Tensor sum;
    for (int64_t i = 0; i < negative_groups_; ++i) {
      const at::Tensor loss =
          NtXentLoss(z1.narrow(0, i * count, count), z2.narrow(0, i * count, count), temperature_);
      sum = sum.defined() ? sum + loss : loss;
    }
    return negative_groups_ == 1 ? sum : sum / static_cast<double>(negative_groups_);
  }

  Encoder encoder_;
  const double temperature_;
  const int64_t negative_groups_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Method>> MakeSimclr(const v1::MethodConfig& config,
                                                   const MethodSetup& setup) {
  const v1::SimclrConfig& simclr = config.simclr();
  const int64_t images = setup.part_size > 0 ? setup.part_size : setup.batch_size;
  if (images < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("--batch_size=", images,
                     ": SimCLR takes its negatives from the batch and needs at least 2"));
  }
  const int64_t groups = simclr.negative_groups();
  if (images % groups != 0 || images / groups < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("--method.simclr.negative_groups=", groups, ": it must divide the ", images,
                     " images that go through the networks together into groups of 2 or more"));
  }
  CASSLE_ASSIGN_OR_RETURN(
      Encoder encoder,
      Encoder::Create(setup, {.hidden = simclr.hidden_size(), .out = simclr.projection_size()}));
  return std::unique_ptr<Method>(new Simclr(std::move(encoder), simclr.temperature(), groups));
}

}  // namespace cassle
