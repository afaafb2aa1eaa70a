#include "cassle/eval/on_images/invariance_stage.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "cassle/augment/views/sample.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/records/dataset.h"
#include "cassle/eval/on_images/invariance.h"
#include "cassle/eval/on_images/view_options.h"
#include "cassle/eval/result/evaluation.h"
#include "cassle/features/changed_views.h"
#include "cassle/features/for_each_batch.h"
#include "cassle/features/frozen_encoder.h"
#include "cassle/runtime/device.h"
#include "cassle/runtime/torch_guard.h"
#include "cassle/runtime/torch_runtime.h"

namespace cassle {
namespace {

using Options = v1::InvarianceOptions;

// measures[operation][layer]
using Grid = std::vector<std::vector<InvarianceMeasures>>;

// What all batches share.
struct Setting {
  std::shared_ptr<const Dataset> images;
  MeasuredEncoder measured;
  std::vector<SingleOperation> operations;
  // Columns of the result: the encoder's layers, then the projector in one or three ways.
  std::vector<std::string> layers;
  std::vector<int64_t> indices;
  int64_t batch_size = 0;

  const FrozenEncoder& encoder() const { return *measured.encoder; }
  const v1::Policy& policy() const { return measured.views.policy; }
};

std::vector<std::string> LayersOf(const FrozenEncoder& encoder) {
  std::vector<std::string> layers = FrozenEncoder::LayerNames();
  // Told rightly, it has the name that a projector without conditioning has: one column of a table.
  if (encoder.has_projector()) layers.push_back(kProjectorLayer);
  if (!encoder.is_told()) return layers;
  for (const char* told : {"swapped", "missing"}) {
    layers.push_back(absl::StrCat(kProjectorLayer, ", ", told));
  }
  return layers;
}

absl::StatusOr<Setting> Prepare(const Options& options, StageContext* context) {
  Setting setting;
  CASSLE_ASSIGN_OR_RETURN(setting.images, OpenImages(options.input(), options.split()));
  CASSLE_ASSIGN_OR_RETURN(setting.measured, LoadEncoder(options));
  CASSLE_ASSIGN_OR_RETURN(setting.operations,
                          SingleOperations(setting.policy(), setting.encoder().image_size()));
  setting.layers = LayersOf(setting.encoder());
  setting.indices = ChooseImages(*setting.images, options.num_images(), options.seed());
  CASSLE_ASSIGN_OR_RETURN(setting.batch_size,
                          KeepWholeBatches(options.batch_size(), &setting.indices, context));
  return setting;
}

// View 0 unchanged, view 1 + k by operation k.
ViewMaker::MakeRecords RecordsOf(const Setting& setting, uint64_t seed) {
  const v1::Policy unchanged = UnchangedPolicy(setting.policy(), setting.encoder().image_size());
  return [unchanged, operations = setting.operations, seed](const v1::ImageRecord& image) {
    const auto sample = [&](const v1::Policy& policy, int view) {
      const ViewKey key = {
          .seed = seed, .image_id = image.id(), .view = static_cast<uint32_t>(view)};
      return SampleView(policy, key, static_cast<int>(image.height()),
                        static_cast<int>(image.width()));
    };
    std::vector<v1::ViewRecord> records = {sample(unchanged, 0)};
    for (const SingleOperation& operation : operations) {
      records.push_back(sample(operation.policy, operation.view));
    }
    return records;
  };
}

// Rows of `size` values in reversed order.
std::vector<float> Reversed(const std::vector<float>& rows, int64_t size) {
  std::vector<float> reversed;
  reversed.reserve(rows.size());
  for (int64_t end = static_cast<int64_t>(rows.size()); end > 0; end -= size) {
    reversed.insert(reversed.end(), rows.begin() + (end - size), rows.begin() + end);
  }
  return reversed;
}

// The projections of both views for every way of telling.
absl::Status MeasureProjector(const Setting& setting, const at::Tensor& unchanged,
                              const ViewSet& unchanged_view, const at::Tensor& changed,
                              const ViewSet& changed_view,
                              std::vector<InvarianceMeasures>* measures) {
  const FrozenEncoder& encoder = setting.encoder();
  const int64_t size = setting.measured.views.layout.size();
  struct Told {
    std::vector<float> unchanged, changed;
  };
  std::vector<Told> ways = {{unchanged_view.descriptors, changed_view.descriptors}};
  if (encoder.is_told()) {
    const std::vector<float> nothing(unchanged_view.descriptors.size(), 0.0f);
    ways.push_back({unchanged_view.descriptors, Reversed(changed_view.descriptors, size)});
    ways.push_back({nothing, nothing});
  }
  for (const Told& told : ways) {
    CASSLE_ASSIGN_OR_RETURN(const at::Tensor before, encoder.Project(unchanged, told.unchanged));
    CASSLE_ASSIGN_OR_RETURN(const at::Tensor after, encoder.Project(changed, told.changed));
    measures->push_back(MeasureInvariance(before, after));
  }
  return absl::OkStatus();
}

absl::StatusOr<Grid> MeasureBatch(const Setting& setting, const ViewMaker& maker, int64_t first,
                                  int64_t last) {
  const FrozenEncoder& encoder = setting.encoder();
  const auto indices = absl::MakeConstSpan(setting.indices).subspan(first, last - first);
  CASSLE_ASSIGN_OR_RETURN(const std::vector<ViewSet> views, maker.Make(indices));
  CASSLE_ASSIGN_OR_RETURN(const std::vector<at::Tensor> unchanged, encoder.Layers(views[0].pixels));
  Grid grid;
  for (size_t k = 0; k < setting.operations.size(); ++k) {
    const ViewSet& view = views[k + 1];
    CASSLE_ASSIGN_OR_RETURN(const std::vector<at::Tensor> changed, encoder.Layers(view.pixels));
    std::vector<InvarianceMeasures> measures;
    for (size_t layer = 0; layer < changed.size(); ++layer) {
      measures.push_back(MeasureInvariance(unchanged[layer], changed[layer]));
    }
    if (encoder.has_projector()) {
      CASSLE_RETURN_IF_ERROR(
          MeasureProjector(setting, unchanged.back(), views[0], changed.back(), view, &measures));
    }
    grid.push_back(std::move(measures));
  }
  return grid;
}

absl::Status CheckFinite(const Setting& setting, const Grid& grid) {
  for (size_t k = 0; k < grid.size(); ++k) {
    for (size_t layer = 0; layer < grid[k].size(); ++layer) {
      for (const InvarianceMeasure& measure : AllInvarianceMeasures()) {
        if (std::isfinite(grid[k][layer].*measure.value)) continue;
        return absl::DataLossError(
            absl::StrCat(setting.operations[k].name, ", ", setting.layers[layer], ": the ",
                         measure.name, " is ", grid[k][layer].*measure.value,
                         ": the encoder has diverged; train it with a smaller learning rate"));
      }
    }
  }
  return absl::OkStatus();
}

void AddTo(const Grid& grid, double weight, Grid* sum) {
  if (sum->empty()) *sum = Grid(grid.size(), std::vector<InvarianceMeasures>(grid[0].size()));
  for (size_t k = 0; k < grid.size(); ++k) {
    for (size_t layer = 0; layer < grid[k].size(); ++layer) {
      for (const InvarianceMeasure& measure : AllInvarianceMeasures()) {
        (*sum)[k][layer].*measure.value += weight * grid[k][layer].*measure.value;
      }
    }
  }
}

absl::StatusOr<Grid> MeasureAll(const Setting& setting, uint64_t seed,
                                const StageContext& context) {
  const ViewMaker maker(setting.images, setting.measured.views.layout, RecordsOf(setting, seed));
  const auto images = static_cast<int64_t>(setting.indices.size());
  Grid mean;
  CASSLE_RETURN_IF_ERROR(ForEachBatch<Grid>(
      "measuring", images, setting.batch_size, context,
      [&](int64_t first, int64_t last) { return MeasureBatch(setting, maker, first, last); },
      [&](const Grid& grid) -> absl::Status {
        CASSLE_RETURN_IF_ERROR(CheckFinite(setting, grid));
        AddTo(grid, 1.0 / static_cast<double>(images / setting.batch_size), &mean);
        return absl::OkStatus();
      }));
  return mean;
}

// One row per operation, one column per layer.
v1::Chart HeatMap(const Setting& setting, const Grid& grid, const InvarianceMeasure& measure) {
  v1::Chart chart;
  chart.set_name(absl::StrCat("invariance: ", measure.name));
  chart.set_title(
      absl::StrCat("Features of images before and after one operation: ", measure.name));
  chart.set_kind(v1::Chart::HEAT_MAP);
  chart.mutable_x()->set_label("layer");
  chart.mutable_y()->set_label("operation");
  for (const std::string& layer : setting.layers) chart.mutable_x()->add_categories(layer);
  for (size_t k = 0; k < grid.size(); ++k) {
    v1::ChartLine* line = chart.add_series();
    line->set_name(setting.operations[k].name);
    for (const InvarianceMeasures& measures : grid[k]) line->add_y(measures.*measure.value);
  }
  return chart;
}

// InfoNCE as the paper draws it: bars per operation, one per layer from the backbone on.
v1::Chart InfoNceBars(const Setting& setting, const Grid& grid, size_t first_layer) {
  v1::Chart chart;
  chart.set_name("invariance: InfoNCE by operation");
  chart.set_title("InfoNCE between images and their changed views; lower: more invariant");
  chart.set_kind(v1::Chart::BARS);
  chart.mutable_x()->set_label("operation");
  chart.mutable_y()->set_label("InfoNCE");
  for (const SingleOperation& operation : setting.operations) {
    chart.mutable_x()->add_categories(operation.name);
  }
  for (size_t layer = first_layer; layer < setting.layers.size(); ++layer) {
    v1::ChartLine* line = chart.add_series();
    line->set_name(setting.layers[layer]);
    for (const std::vector<InvarianceMeasures>& measures : grid) {
      line->add_y(measures[layer].info_nce);
    }
  }
  return chart;
}

v1::Evaluation ResultOf(const Setting& setting, const Options& options, const Grid& grid) {
  v1::Evaluation evaluation =
      DescribeEvaluation("invariance", "Invariance", setting.encoder(), setting.policy());
  const size_t backbone = FrozenEncoder::LayerNames().size() - 1;
  for (size_t k = 0; k < grid.size(); ++k) {
    for (size_t layer = backbone; layer < setting.layers.size(); ++layer) {
      for (const auto& [what, value] : {std::pair("cosine difference", grid[k][layer].difference),
                                        std::pair("InfoNCE", grid[k][layer].info_nce)}) {
        v1::Score* score = evaluation.add_scores();
        score->set_name(
            absl::StrCat(setting.operations[k].name, ", ", setting.layers[layer], ": ", what));
        score->set_value(value);
        score->set_num_test(static_cast<int32_t>(setting.indices.size()));
      }
    }
  }
  *evaluation.add_charts() = InfoNceBars(setting, grid, backbone);
  for (const InvarianceMeasure& measure : AllInvarianceMeasures()) {
    *evaluation.add_charts() = HeatMap(setting, grid, measure);
  }
  if (options.bn_mode() == v1::TRAIN) evaluation.add_warnings(kBatchStatisticsWarning);
  if (!setting.encoder().has_projector() && !options.backbone_only()) {
    evaluation.add_warnings("the model folder has no projector: the backbone alone was measured");
  }
  return evaluation;
}

absl::Status Evaluate(const Options& options, StageContext& context) {
  CASSLE_RETURN_IF_ERROR(CheckViewOptions(options, context));
  // One thread per batch, several batches at once, as embed.
  ConfigureTorch(/*compute_threads=*/1);
  CASSLE_ASSIGN_OR_RETURN(const Setting setting, Prepare(options, &context));
  CASSLE_ASSIGN_OR_RETURN(const Grid grid, MeasureAll(setting, options.seed(), context));
  v1::Evaluation evaluation = ResultOf(setting, options, grid);
  const auto images = static_cast<int64_t>(setting.indices.size());
  AddImages(*setting.images, images, context, &evaluation);
  context.Count("images", images);
  return WriteEvaluation(evaluation, context);
}

}  // namespace

StageInfo InvarianceInfo() {
  return {
      .name = "invariance",
      .version = 1,
      .summary =
          "Measures how much each augmentation, taken alone, changes the features of an encoder, "
          "block by block, and what its projector makes of being told the wrong one.",
      .resolve = ResolveWhere};
}

absl::Status RunInvariance(const Options& options, StageContext& context) {
  return CatchTorch([&] { return Evaluate(options, context); });
}

}  // namespace cassle
