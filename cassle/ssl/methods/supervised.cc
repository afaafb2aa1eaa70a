#include "cassle/ssl/methods/supervised.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Reduction.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <c10/util/Exception.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/networks/conditioning.h"
#include "cassle/runtime/ranks/team.h"
#include "cassle/ssl/method/augself.h"
#include "cassle/ssl/method/encoder.h"
#include "cassle/ssl/method/equimod.h"
#include "cassle/ssl/method/step_position.h"
#include "cassle/ssl/methods/mixup.h"

namespace cassle {
namespace {

class Supervised : public Method {
 public:
  Supervised(Encoder encoder, const v1::SupervisedConfig& settings, const MethodSetup& setup)
      : encoder_(std::move(encoder)),
        label_smoothing_(settings.label_smoothing()),
        mixup_alpha_(settings.mixup_alpha()),
        seed_(setup.seed),
        team_(setup.team),
        num_views_(setup.num_views),
        num_classes_(setup.num_classes) {}

  MethodOutput Forward(const Batch& batch) override {
    TORCH_CHECK(batch.labels.defined(), "supervised: the batch has no labels");
    MethodOutput output;
    for (int view = 0; view < num_views_; ++view) {
      const at::Tensor shares = SharesOf(view, batch.labels.size(0));
      const auto [features, logits] = encoder_.Encode(Mixed(batch.views.at(view), shares));
      const at::Tensor loss =
          shares.defined()
              ? MixupCrossEntropy(logits, batch.labels, shares, label_smoothing_)
              : at::cross_entropy_loss(logits, batch.labels, /*weight=*/{}, at::Reduction::Mean,
                                       /*ignore_index=*/-100, label_smoothing_);
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
    position_.Pass(batch.labels.size(0));
    return output;
  }

  void AfterStep() override { position_.NextStep(); }

  std::vector<Network> networks() const override {
    return {{"backbone", encoder_.backbone(), true}, {"projector", encoder_.projector(), true}};
  }

  // A resumed run mixes as an undisturbed one.
  std::vector<NamedTensor> other_state() const override {
    if (mixup_alpha_ == 0) return {};
    return {position_.state("steps")};
  }

  int num_views() const override { return num_views_; }
  int64_t num_classes() const override { return num_classes_; }

 private:
  // Of all rows of this part of the batch, on every rank alike; undefined without mixup.
  at::Tensor SharesOf(int view, int64_t rows) const {
    if (mixup_alpha_ == 0) return {};
    return MixupShares(mixup_alpha_, seed_, position_.step(), view, position_.first_row(), rows);
  }

  View Mixed(View view, const at::Tensor& shares) const {
    if (!shares.defined()) return view;
    const int64_t rows = shares.size(0);
    const RowRange own = team_ == nullptr ? RowRange{0, rows} : team_->OwnRows(rows);
    view.images = MixWithPartners(view.images, shares.narrow(0, own.first, own.count));
    return view;
  }

  Encoder encoder_;
  const double label_smoothing_;
  const double mixup_alpha_;
  const uint64_t seed_;
  Team* const team_;
  const int num_views_;
  const int64_t num_classes_;
  // Keys mixup.
  StepPosition position_;
};

constexpr char kMixupFlag[] = "--method.supervised.mixup_alpha=";

// Both images of a pair must be on one rank, and have one description.
absl::Status CheckMixup(double alpha, const MethodSetup& setup) {
  const int64_t part = setup.part_size > 0 ? setup.part_size : setup.batch_size;
  const int ranks = setup.team == nullptr ? 1 : setup.team->size();
  for (int rank = 0; rank < ranks; ++rank) {
    if (RowsOfRank(part, rank, ranks).count % 2 == 0) continue;
    const int64_t unit = 2 * ranks * setup.batch_size / part;
    const int64_t below = setup.batch_size / unit * unit;
    return absl::InvalidArgumentError(absl::StrCat(
        kMixupFlag, alpha, " mixes images two by two: ", part, " images",
        ranks == 1 ? "" : absl::StrCat(" on ", ranks, " ranks"), " leave one without a partner; ",
        below > 0 ? absl::StrCat("choose --batch_size=", below, ", or another multiple of ", unit)
                  : absl::StrCat("a batch of ", unit,
                                 " is the smallest that goes: fewer --ranks, "
                                 "more images, or no mixup")));
  }
  const bool conditioned = IsConditioned(setup.conditioning);
  if (conditioned || !AugSelfGroups(setup.augself).empty() || HasEquiMod(setup.equimod)) {
    return absl::InvalidArgumentError(
        absl::StrCat(kMixupFlag, alpha,
                     ": no descriptor tells how a mixture of two images was "
                     "augmented; leave it out, or --conditioning, --augself and --equimod"));
  }
  return absl::OkStatus();
}

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
  if (supervised.mixup_alpha() > 0) {
    CASSLE_RETURN_IF_ERROR(CheckMixup(supervised.mixup_alpha(), setup));
  }
  CASSLE_ASSIGN_OR_RETURN(Encoder encoder,
                          Encoder::Create(setup, {.hidden = supervised.hidden_size(),
                                                  .out = setup.num_classes,
                                                  .depth = supervised.classifier_depth()}));
  return std::unique_ptr<Method>(new Supervised(std::move(encoder), supervised, setup));
}

}  // namespace cassle
