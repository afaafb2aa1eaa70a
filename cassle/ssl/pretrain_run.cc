#include "cassle/ssl/pretrain_run.h"

#include <ATen/core/Tensor.h>
#include <c10/core/GradMode.h>

#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/augment/views/descriptor.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/records/class_target.h"
#include "cassle/models/networks/backbone_sizes.h"
#include "cassle/models/networks/conditioning.h"
#include "cassle/models/weights/batch_tensor.h"
#include "cassle/models/weights/weights.h"
#include "cassle/ssl/initial_model.h"
#include "cassle/ssl/method/augself.h"
#include "cassle/ssl/method/equimod.h"
#include "cassle/ssl/method/layer_decay.h"
#include "cassle/ssl/method/projector_rate.h"
#include "cassle/ssl/methods/method_registry.h"
#include "cassle/ssl/pretrain_options.h"

namespace cassle {
namespace {

absl::Status OpenData(PretrainRun* run) {
  const v1::PretrainOptions& options = run->options;
  if (options.input().empty() && options.views().empty()) {
    return absl::InvalidArgumentError("--input is missing: name the folder of an image data set");
  }
  CASSLE_ASSIGN_OR_RETURN(run->policy, FindPolicy(options));
  // Recorded views say themselves how they were drawn.
  if (options.compat() == v1::OFFICIAL && options.views().empty()) {
    run->policy.set_compat(v1::OFFICIAL);
  }
  if (!options.input().empty()) {
    CASSLE_ASSIGN_OR_RETURN(run->images, Dataset::Open(options.input(), options.split()));
    if (run->images->size() < options.batch_size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--batch_size=", options.batch_size(), " is larger than split '",
                       run->images->split().name(), "' of ", options.input(), " with its ",
                       run->images->size(), " images; choose at most that"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckPredictor(const v1::PretrainOptions& options, const Method& method) {
  if (!ConditionsPredictor(options.conditioning())) return absl::OkStatus();
  for (const Method::Network& network : method.networks()) {
    if (network.name == "predictor") return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--conditioning.predictor=true: ", MethodName(options.method()),
                   " has no predictor to condition; leave the flag out"));
}

// What the data set and the policy must have for the method.
absl::Status CheckData(const PretrainRun& run) {
  const v1::PretrainOptions& options = run.options;
  const std::string name = MethodName(options.method());
  const int views = NumViews(run.policy);
  if (views > 0 && views < run.method->num_views()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "policy ", run.policy.name(), " makes ", views, views == 1 ? " view" : " views",
        " of an image, and ", name, " needs ", run.method->num_views(),
        ": choose another --policy, or raise a count in its `views`"));
  }
  if (!run.method->uses_labels()) {
    if (options.target().empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("--target=", options.target(), ": ", name,
                                                   " uses no labels; leave the flag out"));
  }
  if (!IsLabel(options.target()) || run.images == nullptr) return absl::OkStatus();
  const v1::SplitInfo& split = run.images->split();
  if (split.num_unlabeled() == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      split.num_unlabeled(), " of the ", split.num_images(), " images of split '", split.name(),
      "' of ", run.images->folder(), " have no label, and ", name,
      " needs that of every image: choose another --split or --target, or another method"));
}

// A queue longer than the data set is allowed, and said to be one.
void NoteLongQueues(PretrainRun* run) {
  if (run->images == nullptr) return;
  const int64_t images = run->images->size();
  for (const NamedTensor& state : run->method->other_state()) {
    if (!absl::StartsWith(state.name, "queue") || !absl::EndsWith(state.name, ".rows")) continue;
    const int64_t rows = state.tensor.size(0);
    if (rows <= images) continue;
    const int64_t batch = run->options.batch_size();
    run->notes.push_back(absl::StrCat(
        "a queue of ", rows, " rows on ", images,
        " images: at first most of it is noise, later an image meets itself in it; choose "
        "--method.",
        MethodName(run->options.method()), ".queue_size of at most ", images / batch * batch));
    return;
  }
}

// Makes room in the backbone for what the conditioning wants beside the image.
absl::Status AddImageChannels(PretrainRun* run) {
  const v1::PretrainOptions& options = run->options;
  if (run->backbone.extra_channels_size() > 0) {
    return absl::InvalidArgumentError(
        "--backbone.extra_channels is written by pretrain: leave it out, and choose "
        "--conditioning.injection=image_channels");
  }
  const int64_t channels =
      NumImageChannels(options.conditioning(), static_cast<int64_t>(run->unaugmented.size()));
  if (channels == 0) return absl::OkStatus();
  if (run->initial) {
    return absl::InvalidArgumentError(
        "--conditioning.injection=image_channels: the backbone of --initial_model takes R G B and "
        "no further channels; choose another injection");
  }
  if (options.conditioning().treatment() == v1::MLP && options.monitor().every_epochs() > 0) {
    return absl::InvalidArgumentError(
        "--monitor: with --conditioning=mlp and --conditioning.injection=image_channels what an "
        "unaugmented image looks like is known only at the end of the run; leave the monitor out, "
        "or choose --conditioning=raw");
  }
  // The embedding of an unaugmented image is known at the end.
  const bool raw = options.conditioning().treatment() == v1::RAW;
  for (int64_t i = 0; i < channels; ++i) {
    run->backbone.add_extra_channels(raw ? run->unaugmented[i] : 0);
  }
  return absl::OkStatus();
}

absl::Status CheckBatchNorm(const v1::PretrainOptions& options, const Method& method) {
  if (options.batch_norm_group() == 0) return absl::OkStatus();
  for (const NamedTensor& named : method.state()) {
    if (absl::EndsWith(named.name, ".running_mean")) return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--batch_norm_group=", options.batch_norm_group(), ": these networks of ",
                   MethodName(options.method()), " have no batch norm; leave the flag out"));
}

// Small crops are cut into patches too, and a ConvNeXt needs a pixel behind its last stage.
absl::Status CheckViewSizes(const v1::Policy& policy, const v1::BackboneConfig& backbone) {
  if (FindConvNext(backbone.architecture()) != nullptr) {
    for (const v1::Policy& view : DistinctViewPolicies(policy)) {
      if (view.size() >= kConvNextMinImageSize) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "--backbone.architecture=", backbone.architecture(), ": policy ", policy.name(),
          " makes views of ", view.size(), " px, and it needs ", kConvNextMinImageSize,
          "; choose another backbone, or larger sizes in the policy"));
    }
  }
  if (backbone.patch_size() <= 0) return absl::OkStatus();
  for (const v1::Policy& view : DistinctViewPolicies(policy)) {
    if (view.size() % backbone.patch_size() == 0) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--backbone.patch_size=", backbone.patch_size(), ": policy ", policy.name(),
                     " makes views of ", view.size(),
                     " px, which no whole number of patches fills; choose another patch size, or "
                     "sizes in the policy that are multiples of it"));
  }
  return absl::OkStatus();
}

// The initial model, and what it decides: the backbone's settings and the normalisation.
absl::Status StartFromModel(PretrainRun* run) {
  const v1::PretrainOptions& options = run->options;
  const std::string& folder = options.initial_model();
  CASSLE_ASSIGN_OR_RETURN(run->initial, ReadInitialSpec(folder));
  CASSLE_ASSIGN_OR_RETURN(run->backbone, InitialBackbone(*run->initial, options.backbone()));
  CASSLE_ASSIGN_OR_RETURN(const auto backbone, LoadInitialBackbone(folder, run->backbone));
  run->initial_weights_fingerprint = WeightsFingerprint(*backbone);
  v1::Policy& policy = run->policy;
  run->notes =
      InitialNotes(*run->initial, policy.size(), {policy.mean().begin(), policy.mean().end()},
                   {policy.std().begin(), policy.std().end()});
  *policy.mutable_mean() = run->initial->mean();
  *policy.mutable_std() = run->initial->std();
  return absl::OkStatus();
}

// Settings of the backbone, and how it is made.
absl::Status ChooseBackbone(PretrainRun* run) {
  const v1::PretrainOptions& options = run->options;
  if (!options.initial_model().empty()) {
    CASSLE_RETURN_IF_ERROR(StartFromModel(run));
    run->make_backbone = [config = run->backbone, folder = options.initial_model()] {
      return LoadInitialBackbone(folder, config);
    };
    return absl::OkStatus();
  }
  if (options.initial_projector()) {
    return absl::InvalidArgumentError(
        "--initial_projector=true: name the model that it comes from by --initial_model");
  }
  CASSLE_ASSIGN_OR_RETURN(run->backbone, ResolveBackbone(options.backbone(), run->policy.size()));
  return absl::OkStatus();
}

// The groups that an option names, else all that the policy has, in the order of a descriptor.
absl::StatusOr<std::vector<std::string>> ChooseGroups(
    const v1::Policy& policy, const google::protobuf::RepeatedPtrField<std::string>& named,
    const std::string& option) {
  std::vector<std::string> groups(named.begin(), named.end());
  if (groups.empty()) groups = DescriptorGroupsOf(policy);
  const auto layout = DescriptorLayout::Create(policy, groups);
  if (!layout.ok()) return Annotate(layout.status(), option);
  return layout->groups();
}

// What compares two views, the method (whose groups are filled in) and what stands beside it: the
// groups of each, and what the views are described by for all.
absl::Status ChooseRelativeGroups(PretrainRun* run, v1::MethodConfig* method, MethodSetup* setup) {
  const v1::PretrainOptions& options = run->options;
  run->augself = AugSelfGroups(options.augself());
  const auto of_augself = DescriptorLayout::Create(run->policy, run->augself);
  if (!of_augself.ok()) return Annotate(of_augself.status(), "--augself");
  if (HasEquiMod(options.equimod())) {
    CASSLE_ASSIGN_OR_RETURN(
        run->equimod, ChooseGroups(run->policy, options.equimod().groups(), "--equimod.groups"));
  }
  if (auto* const groups = MutableRelativeGroups(method)) {
    CASSLE_ASSIGN_OR_RETURN(
        run->compared, ChooseGroups(run->policy, *groups,
                                    absl::StrCat("--method.", MethodName(*method), ".groups")));
    *groups = {run->compared.begin(), run->compared.end()};
  }
  std::set<std::string> all(run->augself.begin(), run->augself.end());
  all.insert(run->equimod.begin(), run->equimod.end());
  all.insert(run->compared.begin(), run->compared.end());
  run->relative_groups.assign(all.begin(), all.end());
  CASSLE_ASSIGN_OR_RETURN(const DescriptorLayout layout,
                          DescriptorLayout::Create(run->policy, run->relative_groups));
  const std::vector<int> sizes = layout.group_sizes();
  for (size_t i = 0; i < sizes.size(); ++i) {
    setup->relative_groups.push_back({layout.groups()[i], sizes[i]});
  }
  setup->augself = options.augself();
  setup->equimod = options.equimod();
  *setup->equimod.mutable_groups() = {run->equimod.begin(), run->equimod.end()};
  return absl::OkStatus();
}

absl::Status BuildMethod(Team* team, PretrainRun* run) {
  v1::PretrainOptions& options = run->options;
  CASSLE_RETURN_IF_ERROR(ChooseBackbone(run));
  CASSLE_RETURN_IF_ERROR(CheckViewSizes(run->policy, run->backbone));
  *options.mutable_backbone() = run->backbone;
  // The authors' hypernetwork makes no projector that ends in batch norm, whatever the method's.
  if (options.compat() == v1::OFFICIAL && options.conditioning().treatment() == v1::HYPERNETWORK &&
      !options.conditioning().has_hypernetwork_last_norm()) {
    options.mutable_conditioning()->set_hypernetwork_last_norm(false);
  }
  CASSLE_ASSIGN_OR_RETURN(*options.mutable_conditioning(),
                          ResolveConditioning(options.conditioning()));
  if (options.conditioning().treatment() != v1::NONE) {
    run->groups.assign(options.conditioning().groups().begin(),
                       options.conditioning().groups().end());
    if (run->groups.empty()) run->groups = DescriptorGroupsOf(run->policy);
  }
  const absl::StatusOr<DescriptorLayout> layout =
      DescriptorLayout::Create(run->policy, run->groups);
  if (!layout.ok()) return Annotate(layout.status(), "--conditioning.groups");
  run->unaugmented = layout->DescribeUnaugmented();
  // Such an image does not differ from another such view of it.
  if (ConditionsRelatively(options.conditioning())) run->unaugmented.assign(layout->size(), 0);
  CASSLE_RETURN_IF_ERROR(AddImageChannels(run));
  MethodSetup setup;
  v1::MethodConfig method = options.method();
  CASSLE_RETURN_IF_ERROR(ChooseRelativeGroups(run, &method, &setup));
  // The images are channels-last, the weights stay contiguous: converting them too was measured to
  // be slower.
  if (!run->initial) {
    run->make_backbone = [config = run->backbone, seed = options.seed()] {
      return MakeBackbone(config, seed);
    };
  }
  if (options.initial_projector()) {
    setup.load_projector = [folder = options.initial_model(),
                            groups = run->groups](ConditionedProjector* projector) {
      return LoadInitialProjector(folder, groups, projector);
    };
  }
  setup.make_backbone = run->make_backbone;
  setup.conditioning = options.conditioning();
  setup.descriptor_size = layout->size();
  setup.batch_size = options.batch_size();
  setup.part_size = options.batch_size() / options.accumulate_steps();
  setup.num_views = NumViews(run->policy) > 0 ? NumViews(run->policy) : 2;
  if (run->images != nullptr) {
    const auto classes = NumClasses(run->images->info(), options.target());
    if (!classes.ok()) return Annotate(classes.status(), "--target");
    setup.num_classes = *classes;
  }
  setup.seed = options.seed();
  setup.team = team;
  setup.official = options.compat() == v1::OFFICIAL;
  setup.precision = options.precision() == v1::BF16 ? Precision::kBfloat16 : Precision::kFloat32;
  CASSLE_ASSIGN_OR_RETURN(run->method, MakeMethod(method, setup));
  if (options.layer_decay() < 1) {
    run->method = WithLayerDecay(std::move(run->method), options.layer_decay());
  }
  if (options.has_projector_rate()) {
    run->method = WithProjectorRate(std::move(run->method), options.projector_rate());
  }
  NoteLongQueues(run);
  CASSLE_RETURN_IF_ERROR(CheckData(*run));
  CASSLE_RETURN_IF_ERROR(CheckPredictor(options, *run->method));
  CASSLE_RETURN_IF_ERROR(CheckBatchNorm(options, *run->method));
  ResolveRecipe(MethodRecipe(options.method(), setup.official), &options);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PretrainRun> BuildRun(const v1::PretrainOptions& options, Team* team) {
  PretrainRun run;
  run.options = options;
  CASSLE_RETURN_IF_ERROR(OpenData(&run));
  CASSLE_RETURN_IF_ERROR(BuildMethod(team, &run));
  return run;
}

std::string Provenance(const PretrainRun& run) {
  const v1::PretrainOptions& options = run.options;
  const std::string conditioning = run.groups.empty()
                                       ? std::string("none")
                                       : absl::StrCat(DescribeTreatment(options.conditioning()),
                                                      " (", absl::StrJoin(run.groups, ", "), ")");
  const std::string compared =
      run.compared.empty() ? "" : absl::StrCat(" (", absl::StrJoin(run.compared, ", "), ")");
  const std::string augself =
      run.augself.empty() ? "" : absl::StrCat(", AugSelf (", absl::StrJoin(run.augself, ", "), ")");
  const std::string equimod =
      run.equimod.empty() ? "" : absl::StrCat(", EquiMod (", absl::StrJoin(run.equimod, ", "), ")");
  const std::string& before = run.initial ? run.initial->provenance() : "";
  return absl::StrCat(before, before.empty() ? "" : ", then ", MethodName(options.method()),
                      compared, ", conditioning ", conditioning, augself, equimod, ", ",
                      options.epochs(), options.epochs() == 1 ? " epoch" : " epochs");
}

v1::ModelSpec ModelSpecOf(const PretrainRun& run) {
  v1::ModelSpec spec;
  *spec.mutable_backbone() = run.backbone;
  spec.set_image_size(run.policy.size());
  *spec.mutable_mean() = run.policy.mean();
  *spec.mutable_std() = run.policy.std();
  spec.set_provenance(Provenance(run));
  spec.set_initial_weights_fingerprint(run.initial_weights_fingerprint);
  return spec;
}

void FixImageChannels(PretrainRun* run) {
  if (run->backbone.extra_channels_size() == 0) return;
  c10::NoGradGuard no_grad;
  ConditionedProjector& projector = run->method->projector();
  projector.eval();
  const std::vector<at::Tensor> weights = projector.parameters();
  const at::Tensor descriptor = MatrixTensor(run->unaugmented, /*batch_size=*/1);
  const at::Tensor values =
      projector.ImageChannels(weights.empty() ? descriptor : descriptor.to(weights[0].device()))
          .cpu()
          .contiguous();
  for (int64_t i = 0; i < values.numel(); ++i) {
    run->backbone.set_extra_channels(static_cast<int>(i), values.data_ptr<float>()[i]);
  }
}

}  // namespace cassle
