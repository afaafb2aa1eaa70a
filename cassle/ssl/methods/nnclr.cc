#include "cassle/ssl/methods/nnclr.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/ssl/method/encoder.h"
#include "cassle/ssl/method/key_queue.h"
#include "cassle/ssl/method/predictor.h"
#include "cassle/ssl/method/step_rows.h"
#include "cassle/ssl/objectives/neighbor_objectives.h"
#include "cassle/ssl/objectives/objectives.h"

namespace cassle {
namespace {

class Nnclr : public Method {
 public:
  Nnclr(Encoder encoder, Predictor predictor, KeyQueue queue, double temperature)
      : encoder_(std::move(encoder)),
        predictor_(std::move(predictor)),
        queue_(std::move(queue)),
        temperature_(temperature) {}

  MethodOutput Forward(const Batch& batch) override {
    const auto [features1, z1] = encoder_.Encode(batch.views.at(0));
    const auto [features2, z2] = encoder_.Encode(batch.views.at(1));
    const at::Tensor p1 = predictor_.Predict(z1, batch.views.at(0));
    const at::Tensor p2 = predictor_.Predict(z2, batch.views.at(1));
    const at::Tensor n1 = NearestRows(z1, queue_.rows());
    const at::Tensor n2 = NearestRows(z2, queue_.rows());
    enqueued_next_.Add(NormalizeRows(z1.detach()));
    return {NnclrLoss(n1, n2, p1, p2, temperature_), z1.detach(), z2.detach(), features1,
            features2};
  }

  void AfterStep() override { queue_.Enqueue(enqueued_next_.Take()); }

  std::vector<Network> networks() const override {
    return {{"backbone", encoder_.backbone(), true},
            {"projector", encoder_.projector(), true},
            {"predictor", predictor_.network(), true}};
  }

  std::vector<NamedTensor> other_state() const override {
    return {{"queue.rows", queue_.rows()}, {"queue.pointer", queue_.pointer()}};
  }

 private:
  Encoder encoder_;
  Predictor predictor_;
  KeyQueue queue_;
  const double temperature_;
  // [B, P], normalised: what AfterStep puts into the queue.
  StepRows enqueued_next_;
};

}  // namespace

Recipe NnclrRecipe(bool) {
  return {.optimizer = v1::LARS, .warmup_epochs = 10, .base_lr = 0.3, .weight_decay = 1e-6};
}

absl::StatusOr<std::unique_ptr<Method>> MakeNnclr(const v1::MethodConfig& config,
                                                  const MethodSetup& setup) {
  const v1::NnclrConfig& nnclr = config.nnclr();
  const int64_t images = setup.part_size > 0 ? setup.part_size : setup.batch_size;
  if (images < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("batch_size is ", images,
                     "; NNCLR takes its negatives from the batch and needs at least 2"));
  }
  CASSLE_RETURN_IF_ERROR(CheckQueueSize("nnclr", nnclr.queue_size(), setup.batch_size));
  const MlpOptions projector = {
      .hidden = nnclr.hidden_size(), .out = nnclr.projection_size(), .depth = 3, .last_norm = true};
  CASSLE_ASSIGN_OR_RETURN(Encoder encoder, Encoder::Create(setup, projector));
  CASSLE_ASSIGN_OR_RETURN(Predictor predictor,
                          Predictor::Create(setup, {.in = projector.out,
                                                    .hidden = nnclr.predictor_hidden_size(),
                                                    .out = projector.out}));
  return std::unique_ptr<Method>(new Nnclr(std::move(encoder), std::move(predictor),
                                           KeyQueue(nnclr.queue_size(), projector.out, setup.seed),
                                           nnclr.temperature()));
}

}  // namespace cassle
