#include "cassle/eval/reporting/training_curves.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/models/networks/model.pb.h"
#include "nlohmann/json.hpp"

namespace cassle {
namespace {

// Of a model folder.
constexpr char kModelName[] = "model.textproto";
constexpr char kMetricsName[] = "metrics.jsonl";

// A field of TrainMetrics. eval does not include ssl, so the names stand here again.
struct Metric {
  const char* field;
  const char* title;
  const char* y_label;
  bool monitor;
  // Of the score with the last value; nullptr: none.
  const char* score;
  v1::Score::Better better;
};

constexpr Metric kMetrics[] = {
    {"loss", "Loss", "loss of a batch, nats", false, nullptr, v1::Score::NEITHER},
    {"epoch_loss", "", "", false, "loss of the last epoch", v1::Score::NEITHER},
    {"probe_accuracy", "Linear probe while training", "test accuracy, %", true, "probe accuracy",
     v1::Score::HIGHER},
    {"knn_accuracy", "Nearest neighbours while training", "test accuracy, %", true, "kNN accuracy",
     v1::Score::HIGHER},
    {"learning_rate", "Learning rate", "learning rate", false, nullptr, v1::Score::NEITHER},
    {"matched_cosine", "Cosine of two views of one image", "matched cosine", false,
     "matched cosine", v1::Score::NEITHER},
    {"unmatched_cosine", "Cosine of views of different images", "unmatched cosine", false,
     "unmatched cosine", v1::Score::NEITHER},
    {"projection_spread", "Spread of the projections", "spread (0: collapsed)", false,
     "projection spread", v1::Score::NEITHER},
    {"feature_spread", "Spread of the features", "spread (0: collapsed)", false, nullptr,
     v1::Score::NEITHER},
    {"projection_rank", "Effective rank of the projections", "effective rank", false, nullptr,
     v1::Score::NEITHER},
    {"feature_rank", "Effective rank of the features", "effective rank", false, "feature rank",
     v1::Score::NEITHER},
    {"gradient_norm", "Norm of the gradient", "gradient norm", false, nullptr, v1::Score::NEITHER},
};

using Points = std::vector<std::pair<double, double>>;

absl::StatusOr<std::vector<nlohmann::json>> ReadMetricsLines(const std::string& path,
                                                             bool finished) {
  CASSLE_ASSIGN_OR_RETURN(std::string text, ReadFile(path));
  if (!finished) text.resize(text.rfind('\n') + 1);  // npos + 1 is 0.
  std::vector<nlohmann::json> lines;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (line.empty()) continue;
    nlohmann::json parsed =
        nlohmann::json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
    if (!parsed.is_object() || !parsed.contains("step") || !parsed["step"].is_number() ||
        !parsed.contains("epoch") || !parsed["epoch"].is_number()) {
      return absl::DataLossError(
          absl::StrCat(path, ":", number, ": no line of metrics with step and epoch"));
    }
    lines.push_back(std::move(parsed));
  }
  return lines;
}

// Means of equally many neighbours, as far as they are finite, so that long runs do not fill the
// page. Where none is, the curve is interrupted.
Points Thinned(const Points& points) {
  const size_t together = (points.size() + kMaxCurvePoints - 1) / kMaxCurvePoints;
  if (together <= 1) return points;
  Points thinned;
  for (size_t first = 0; first < points.size(); first += together) {
    const size_t end = std::min(points.size(), first + together);
    double x = 0, y = 0;
    int finite = 0;
    for (size_t i = first; i < end; ++i) {
      x += points[i].first;
      if (!std::isfinite(points[i].second)) continue;
      y += points[i].second;
      ++finite;
    }
    thinned.emplace_back(x / (end - first),
                         finite > 0 ? y / finite : std::numeric_limits<double>::quiet_NaN());
  }
  return thinned;
}

Points CurveOf(const Metric& metric, const std::vector<nlohmann::json>& lines) {
  Points points;
  for (const nlohmann::json& line : lines) {
    if (!line.contains(metric.field)) continue;
    // Numbers that are not finite are strings in JSON.
    const nlohmann::json& value = line[metric.field];
    points.emplace_back(
        line[metric.monitor ? "epoch" : "step"].get<double>(),
        value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN());
  }
  return points;
}

void AddCurve(const Metric& metric, const Points& points, v1::Evaluation* evaluation) {
  v1::Chart* chart = evaluation->add_charts();
  chart->set_name(metric.field);
  chart->set_title(metric.title);
  chart->set_kind(v1::Chart::LINES);
  chart->mutable_x()->set_label(metric.monitor ? "epoch" : "step");
  chart->mutable_y()->set_label(metric.y_label);
  v1::ChartLine* line = chart->add_series();
  line->set_name(metric.field);
  for (const auto& [x, y] : Thinned(points)) {
    line->add_x(x);
    line->add_y(metric.monitor ? 100 * y : y);
  }
}

}  // namespace

bool HoldsTraining(const std::string& folder) {
  return FileExists(JoinPath(folder, kModelName)) && FileExists(JoinPath(folder, kMetricsName));
}

absl::StatusOr<Training> ReadTraining(const std::string& folder, const v1::StageManifest& manifest,
                                      bool finished) {
  Training training;
  v1::Evaluation& evaluation = training.evaluation;
  evaluation.set_stage(manifest.stage());
  evaluation.set_title(finished ? "Training, as measured at its end" : "Training so far");
  v1::ModelSpec spec;
  CASSLE_RETURN_IF_ERROR(ReadStoredTextProto(JoinPath(folder, kModelName), &spec));
  evaluation.set_encoder(spec.provenance());
  for (const v1::FileFingerprint& file : manifest.files()) {
    if (file.name() == "weights.safetensors") {
      evaluation.set_weights_fingerprint(file.fingerprint());
    }
  }
  CASSLE_ASSIGN_OR_RETURN(const std::vector<nlohmann::json> lines,
                          ReadMetricsLines(JoinPath(folder, kMetricsName), finished));
  if (!lines.empty()) {
    training.step = lines.back()["step"].get<int64_t>();
    training.epoch = lines.back()["epoch"].get<int64_t>();
  }
  for (const Metric& metric : kMetrics) {
    const Points points = CurveOf(metric, lines);
    if (points.empty()) continue;
    if (metric.title[0] != '\0') AddCurve(metric, points, &evaluation);
    if (metric.score == nullptr || !std::isfinite(points.back().second)) continue;
    v1::Score* score = evaluation.add_scores();
    score->set_name(metric.score);
    score->set_value(points.back().second);
    score->set_is_fraction(metric.monitor);
    score->set_better(metric.better);
  }
  return training;
}

}  // namespace cassle
