#include "cassle/eval/on_embeddings/project_stage.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/base/file.h"
#include "cassle/base/permutation.h"
#include "cassle/base/philox.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/status_macros.h"
#include "cassle/eval/charts/scatter_plot.h"
#include "cassle/eval/embeddings/class_targets.h"
#include "cassle/eval/embeddings/embeddings.h"
#include "cassle/eval/result/evaluation.h"
#include "cassle/probes/tsne.h"
#include "cassle/stage/progress.h"

namespace cassle {
namespace {

using Options = v1::ProjectOptions;

// t-SNE sees this many principal components: less noise, less time.
constexpr int64_t kComponents = 50;

constexpr char kUnlabelled[] = "(no class)";

absl::Status CheckOptions(const Options& options) {
  if (options.embeddings().empty()) {
    return absl::InvalidArgumentError("--embeddings is missing: name an output folder of embed");
  }
  return absl::OkStatus();
}

// Rows to show, ascending.
std::vector<int64_t> ChooseRows(const Options& options, int64_t available) {
  const KeyedPermutation shuffle(available, MixSeed(options.seed(), 0));
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < std::min(options.max_points(), available); ++i) {
    rows.push_back(shuffle(i));
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

// One picture: a target, or the empty name for none. Points without a class have one of their own.
struct Coloring {
  std::string name;
  ClassTarget target;
  // Of points without a class.
  std::string warning;
};

absl::StatusOr<std::vector<Coloring>> ReadColorings(const Options& options,
                                                    const Embeddings& embeddings) {
  const std::vector<std::string> there = embeddings.ClassTargets();
  if (options.target().empty() &&
      std::find(there.begin(), there.end(), kLabelTarget) == there.end()) {
    return std::vector<Coloring>(1);
  }
  CASSLE_ASSIGN_OR_RETURN(
      const std::vector<std::string> names,
      ClassTargetNames({options.target().begin(), options.target().end()}, embeddings));
  std::vector<Coloring> colorings;
  for (const std::string& name : names) {
    Coloring coloring{name, {}, ""};
    CASSLE_ASSIGN_OR_RETURN(coloring.target, embeddings.Target(name));
    std::vector<std::string>& class_names = coloring.target.class_names;
    if (class_names.empty()) {
      const std::vector<int>& values = coloring.target.values;
      const int largest = *std::max_element(values.begin(), values.end());
      for (int c = 0; c <= largest; ++c) class_names.push_back(absl::StrCat(c));
    }
    std::vector<int>& values = coloring.target.values;
    const int64_t without = std::count(values.begin(), values.end(), kNoClass);
    if (without > 0) {
      coloring.warning = absl::StrCat(without, " of ", embeddings.rows(),
                                      " rows of --embeddings have no class of ", name,
                                      " and are shown as ", kUnlabelled);
      std::replace(values.begin(), values.end(), kNoClass, static_cast<int>(class_names.size()));
      class_names.push_back(kUnlabelled);
    }
    colorings.push_back(std::move(coloring));
  }
  return colorings;
}

v1::Score* AddScore(const std::string& name, double value, int64_t n, v1::Evaluation* evaluation) {
  v1::Score* score = evaluation->add_scores();
  score->set_name(name);
  score->set_value(value);
  score->set_num_test(n);
  return score;
}

// Fills in points and axis labels, and what is to be said of them.
absl::Status MakePoints(const Options& options, const std::vector<float>& features, int64_t columns,
                        StageContext& context, ScatterPlot* plot, v1::Evaluation* evaluation) {
  const int64_t n = static_cast<int64_t>(features.size()) / columns;
  const bool pca = options.method() == Options::PCA;
  if (!pca && 3 * options.perplexity() > n - 1) {
    return absl::FailedPreconditionError(
        absl::StrCat("--perplexity=", options.perplexity(), " needs ", 3 * options.perplexity() + 1,
                     " images, there are ", n, ": choose ",
                     n >= 4 ? absl::StrCat("at most ", (n - 1) / 3, ", or ") : "", "--method=pca"));
  }
  PrincipalCoordinates points = ProjectToComponents({features, columns}, pca ? 2 : kComponents);
  if (pca) {
    // One feature has one component.
    const int64_t dimensions = points.dimensions;
    plot->points.assign(2 * n, 0.0);
    for (int64_t i = 0; i < n * dimensions; ++i) {
      plot->points[i / dimensions * 2 + i % dimensions] = points.values[i];
    }
    double sum = 0;
    for (double ratio : points.ratios) sum += ratio;
    AddScore("variance in the plane", sum, n, evaluation)->set_is_fraction(true);
    plot->x_label =
        absl::StrFormat("component 1 (%.1f %% of the variance)", 100 * points.ratios[0]);
    if (dimensions > 1) {
      plot->y_label =
          absl::StrFormat("component 2 (%.1f %% of the variance)", 100 * points.ratios[1]);
    }
    return absl::OkStatus();
  }
  Progress progress("t-SNE", options.iterations(), "steps");
  TsneOptions tsne;
  tsne.perplexity = options.perplexity();
  tsne.iterations = options.iterations();
  tsne.threads = context.threads();
  tsne.go_on = [&](int64_t iteration) {
    progress.Set(iteration);
    return !context.interrupted();
  };
  TsneMap map = RunTsne(points, tsne);
  if (context.interrupted()) return absl::CancelledError("interrupted; run the same command again");
  progress.Set(options.iterations());
  plot->points = std::move(map.map);
  AddScore("t-SNE divergence", map.divergence, n, evaluation);
  return absl::OkStatus();
}

absl::Status WritePictures(const Options& options, const std::vector<Coloring>& colorings,
                           const std::vector<int64_t>& rows, const std::string& dir,
                           ScatterPlot* plot, v1::Evaluation* evaluation) {
  const std::string method =
      options.method() == Options::PCA ? "Principal components" : "t-SNE of the features";
  for (const Coloring& coloring : colorings) {
    const bool plain = coloring.name.empty();
    plot->title = plain ? method : absl::StrCat(method, ", by ", coloring.name);
    plot->classes.clear();
    plot->class_names = coloring.target.class_names;
    if (!plain) {
      for (int64_t row : rows) plot->classes.push_back(coloring.target.values[row]);
    }
    const std::string file =
        plain ? "project.svg" : absl::StrCat("project_", FileNamePart(coloring.name), ".svg");
    CASSLE_RETURN_IF_ERROR(WriteFile(JoinPath(dir, file), ScatterSvg(*plot)));
    v1::Picture* picture = evaluation->add_pictures();
    picture->set_file(file);
    picture->set_title(plot->title);
  }
  return absl::OkStatus();
}

absl::Status WritePoints(const Embeddings& embeddings, const std::vector<int64_t>& rows,
                         const ScatterPlot& plot, const std::string& dir) {
  std::vector<int64_t> ids;
  for (int64_t row : rows) ids.push_back(embeddings.ids()[row]);
  const std::vector<float> points(plot.points.begin(), plot.points.end());
  const int64_t n = static_cast<int64_t>(rows.size());
  SafetensorsWriter writer;
  writer.Add<int64_t>("ids", DType::kI64, {n}, ids);
  writer.Add<float>("points", DType::kF32, {n, 2}, points);
  return writer.Write(JoinPath(dir, "points.safetensors"));
}

}  // namespace

absl::Status RunProject(const Options& options, StageContext& context) {
  CASSLE_RETURN_IF_ERROR(CheckOptions(options));
  CASSLE_ASSIGN_OR_RETURN(const Embeddings embeddings,
                          Embeddings::Open("embeddings", options.embeddings()));
  if (embeddings.rows() < 3) {
    return absl::FailedPreconditionError(absl::StrCat("--embeddings has ", embeddings.rows(),
                                                      " images: a plane needs three or more"));
  }
  CASSLE_ASSIGN_OR_RETURN(const std::vector<Coloring> colorings,
                          ReadColorings(options, embeddings));
  const std::vector<int64_t> rows = ChooseRows(options, embeddings.rows());
  const int64_t columns = embeddings.columns();
  std::vector<float> features;
  bool alike = true;
  for (int64_t row : rows) {
    const float* values = embeddings.features().data() + row * columns;
    alike = alike && std::equal(values, values + columns,
                                embeddings.features().data() + rows.front() * columns);
    features.insert(features.end(), values, values + columns);
  }
  if (alike) {
    return absl::FailedPreconditionError(
        "--embeddings: all images have the same features: the encoder has collapsed");
  }
  v1::Evaluation evaluation = DescribeEvaluation("project", "Maps of the features", embeddings);
  AddEvaluatedSet("points", embeddings, static_cast<int64_t>(rows.size()), &evaluation);
  for (const Coloring& coloring : colorings) {
    if (!coloring.warning.empty()) evaluation.add_warnings(coloring.warning);
  }
  ScatterPlot plot;
  CASSLE_RETURN_IF_ERROR(MakePoints(options, features, columns, context, &plot, &evaluation));
  const std::string& dir = context.output_dir();
  if (!dir.empty()) {
    CASSLE_RETURN_IF_ERROR(WritePictures(options, colorings, rows, dir, &plot, &evaluation));
    CASSLE_RETURN_IF_ERROR(WritePoints(embeddings, rows, plot, dir));
  }
  context.Count("points", static_cast<int64_t>(rows.size()));
  return WriteEvaluation(evaluation, context);
}

}  // namespace cassle
