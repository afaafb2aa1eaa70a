#include "cassle/ssl/methods/supervised.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <c10/util/Exception.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/ssl/method/encoder.h"

namespace cassle {
namespace {

class Supervised : public Method {
 public:
  Supervised(Encoder encoder, int num_views)
      : encoder_(std::move(encoder)), num_views_(num_views) {}

  MethodOutput Forward(const Batch& batch) override {
    TORCH_CHECK(batch.labels.defined(), "supervised: the batch has no labels");
    MethodOutput output;
    for (int view = 0; view < num_views_; ++view) {
      const auto [features, logits] = encoder_.Encode(batch.views.at(view));
      const at::Tensor loss = at::cross_entropy_loss(logits, batch.labels);
      output.loss = view == 0 ? loss : output.loss + loss;
      // Of a single view the monitors see it twice.
      if (view == 0) {
        output.z1 = output.z2 = logits.detach();
        output.features1 = output.features2 = features;
      } else if (view == 1) {
        output.z2 = logits.detach();
        output.features2 = features;
      }
    }
    output.loss = output.loss / num_views_;
    return output;
  }

  void AfterStep() override {}

  std::vector<Network> networks() const override {
    return {{"backbone", encoder_.backbone(), true}, {"projector", encoder_.projector(), true}};
  }

  int num_views() const override { return num_views_; }
  bool uses_labels() const override { return true; }

 private:
  Encoder encoder_;
  const int num_views_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Method>> MakeSupervised(const v1::MethodConfig& config,
                                                       const MethodSetup& setup) {
  const v1::SupervisedConfig& supervised = config.supervised();
  if (setup.num_classes < 2) {
    return absl::FailedPreconditionError(absl::StrCat(
        "supervised learns from labels, and there are ",
        setup.num_classes == 0 ? "none" : "labels of one class only",
        ": name a labelled data set by --input, also beside recorded views, or another --target"));
  }
  CASSLE_ASSIGN_OR_RETURN(Encoder encoder,
                          Encoder::Create(setup, {.hidden = supervised.hidden_size(),
                                                  .out = setup.num_classes,
                                                  .depth = supervised.classifier_depth()}));
  return std::unique_ptr<Method>(new Supervised(std::move(encoder), setup.num_views));
}

}  // namespace cassle
