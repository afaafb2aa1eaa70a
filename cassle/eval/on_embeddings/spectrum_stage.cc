#include "cassle/eval/on_embeddings/spectrum_stage.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/base/file.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/status_macros.h"
#include "cassle/eval/embeddings/embeddings.h"
#include "cassle/eval/result/evaluation.h"
#include "cassle/probes/spectrum.h"

namespace cassle {
namespace {

void AddScore(const std::string& name, double value, int64_t images, v1::Evaluation* evaluation) {
  v1::Score* score = evaluation->add_scores();
  score->set_name(name);
  score->set_value(value);
  score->set_num_test(images);
}

v1::Chart MakeChart(const std::string& name, const std::string& title, const std::string& y_label) {
  v1::Chart chart;
  chart.set_name(name);
  chart.set_title(title);
  chart.set_kind(v1::Chart::LINES);
  chart.mutable_x()->set_label("component");
  chart.mutable_x()->set_logarithmic(true);
  chart.mutable_y()->set_label(y_label);
  return chart;
}

// ratios: the positive ones.
void AddCharts(const std::vector<double>& ratios, const PowerLaw* law, v1::Evaluation* evaluation) {
  v1::Chart spectrum = MakeChart("spectrum", "Spectrum of the features", "part of the variance");
  spectrum.mutable_y()->set_logarithmic(true);
  v1::Chart cumulative =
      MakeChart("cumulative variance", "Variance of the first components", "part of the variance");
  v1::ChartLine* measured = spectrum.add_series();
  v1::ChartLine* sums = cumulative.add_series();
  measured->set_name("features");
  sums->set_name("features");
  double sum = 0;
  for (size_t i = 0; i < ratios.size(); ++i) {
    sum += ratios[i];
    measured->add_x(i + 1);
    measured->add_y(ratios[i]);
    sums->add_x(i + 1);
    sums->add_y(sum);
  }
  if (law != nullptr) {
    v1::ChartLine* fitted = spectrum.add_series();
    fitted->set_name(absl::StrFormat("k^-%.2f", law->alpha));
    // A straight line here: its ends say all.
    for (int64_t k : {int64_t{1}, static_cast<int64_t>(ratios.size())}) {
      fitted->add_x(k);
      fitted->add_y(law->At(k));
    }
  }
  *evaluation->add_charts() = std::move(spectrum);
  *evaluation->add_charts() = std::move(cumulative);
}

absl::Status WriteSpectrum(const Spectrum& spectrum, const std::string& dir) {
  const int64_t count = static_cast<int64_t>(spectrum.variances.size());
  const std::vector<double> ratios = spectrum.ExplainedVarianceRatios();
  SafetensorsWriter writer;
  writer.Add<double>("explained_variance_ratio", DType::kF64, {count}, ratios);
  writer.Add<double>("singular_values", DType::kF64, {count}, spectrum.singular_values);
  return writer.Write(JoinPath(dir, "spectrum.safetensors"));
}

}  // namespace

absl::Status RunSpectrum(const v1::SpectrumOptions& options, StageContext& context) {
  if (options.embeddings().empty()) {
    return absl::InvalidArgumentError("--embeddings is missing: name an output folder of embed");
  }
  CASSLE_ASSIGN_OR_RETURN(const Embeddings embeddings,
                          Embeddings::Open("embeddings", options.embeddings()));
  if (embeddings.rows() < 2) {
    return absl::FailedPreconditionError(
        "--embeddings has one image, which has no variance: embed more images");
  }
  const Spectrum spectrum =
      ComputeSpectrum({embeddings.features(), embeddings.columns()}, context.threads());
  if (!(spectrum.variances.front() > 0)) {
    return absl::FailedPreconditionError(
        "--embeddings: all images have the same features: the encoder has collapsed");
  }
  std::vector<double> ratios = spectrum.ExplainedVarianceRatios();
  ratios.resize(spectrum.NumPositive());
  v1::Evaluation evaluation =
      DescribeEvaluation("spectrum", "Spectrum of the features", embeddings);
  AddEvaluatedSet("embeddings", embeddings, embeddings.rows(), &evaluation);
  const int64_t n = embeddings.rows();
  AddScore("RankMe", RankMe(spectrum.singular_values), n, &evaluation);
  AddScore("components for 90 %", ComponentsFor(0.9, ratios), n, &evaluation);
  if (static_cast<int64_t>(ratios.size()) >= kMinFitComponents) {
    const PowerLaw law = FitPowerLaw(ratios);
    AddScore("alpha", law.alpha, n, &evaluation);
    AddScore("alpha r2", law.r2, n, &evaluation);
    AddScore("alpha r2 to 100", law.r2_100, n, &evaluation);
    AddCharts(ratios, &law, &evaluation);
    if (ratios.size() < 50) {
      evaluation.add_warnings(absl::StrCat("alpha is fitted to components 6 to ", ratios.size(),
                                           " instead of 6 to 50: there are no more"));
    }
  } else {
    AddCharts(ratios, nullptr, &evaluation);
    evaluation.add_warnings(absl::StrCat("no alpha: ", ratios.size(), " components, the fit needs ",
                                         kMinFitComponents));
  }
  for (const v1::Score& score : evaluation.scores()) {
    context.Say(absl::StrFormat("%s: %.4g", score.name(), score.value()));
  }
  const std::string& dir = context.output_dir();
  if (!dir.empty()) CASSLE_RETURN_IF_ERROR(WriteSpectrum(spectrum, dir));
  context.Count("images", n);
  return WriteEvaluation(evaluation, context);
}

}  // namespace cassle
