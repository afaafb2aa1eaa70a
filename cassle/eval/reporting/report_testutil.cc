#include "cassle/eval/reporting/report_testutil.h"

#include <cmath>
#include <cstdint>
#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/images/codec.h"
#include "cassle/eval/reporting/report_options.pb.h"
#include "cassle/eval/result/linear_probe_result.pb.h"
#include "cassle/eval/result/probe_evaluation.h"
#include "cassle/stage/stage.h"

namespace cassle {
namespace {

v1::Chart* AddChart(const std::string& name, v1::Chart::Kind kind, v1::Evaluation* evaluation) {
  v1::Chart* chart = evaluation->add_charts();
  chart->set_name(name);
  chart->set_title(absl::StrCat("Title of ", name));
  chart->set_kind(kind);
  chart->mutable_x()->set_label("across");
  chart->mutable_y()->set_label("upwards");
  return chart;
}

void AddCategories(v1::Chart* chart) {
  for (const char* category : {"crop", "colour", "flip", "grayscale", "blur"}) {
    chart->mutable_x()->add_categories(category);
  }
}

}  // namespace

v1::Evaluation MadeUpEvaluation(const std::string& stage, const std::string& encoder) {
  v1::Evaluation evaluation;
  evaluation.set_stage(stage);
  evaluation.set_encoder(encoder);
  evaluation.set_weights_fingerprint(absl::StrCat("weights of ", encoder));
  evaluation.set_num_features(128);
  v1::EvaluatedSet* set = evaluation.add_sets();
  set->set_role("test");
  set->set_split("test");
  set->set_dataset_fingerprint("dddd");
  set->set_num_rows(700);
  return evaluation;
}

v1::Evaluation MadeUpProbe(const std::string& encoder,
                           const std::vector<std::pair<std::string, double>>& targets) {
  v1::Evaluation evaluation = MadeUpEvaluation("linear-probe", encoder);
  evaluation.set_title(kProbeTitle);
  for (const auto& [name, accuracy] : targets) {
    v1::LinearProbeTarget target;
    target.set_name(name);
    target.set_metric("top1");
    target.set_test_top1(accuracy);
    target.set_test_class_avg(accuracy / 2);
    target.set_best_w(0.1);
    target.set_chance_top1(0.125);
    target.set_num_test(700);
    for (double w : {0.01, 0.1, 1.0}) {
      v1::LinearProbeGridPoint* point = target.add_grid();
      point->set_w(w);
      point->set_val_accuracy(w == 0.1 ? accuracy / 3 : accuracy / 4);
    }
    for (const char* class_name : {"cat", "<dog>"}) {
      v1::ClassAccuracy* entry = target.add_classes();
      entry->set_name(class_name);
      entry->set_num_test(350);
      entry->set_num_right(35);
    }
    AddProbeTarget(target, &evaluation);
  }
  return evaluation;
}

v1::Score* AddMadeUpScore(const std::string& name, double value, v1::Evaluation* evaluation) {
  v1::Score* score = evaluation->add_scores();
  score->set_name(name);
  score->set_value(value);
  score->set_is_fraction(true);
  score->set_better(v1::Score::HIGHER);
  score->set_num_test(700);
  return score;
}

void AddMadeUpCharts(double shift, v1::Evaluation* evaluation) {
  v1::Chart* spectrum = AddChart("spectrum", v1::Chart::LINES, evaluation);
  spectrum->mutable_x()->set_logarithmic(true);
  spectrum->mutable_y()->set_logarithmic(true);
  v1::ChartLine* decay = spectrum->add_series();
  decay->set_name("eigenvalues");
  for (int rank = 1; rank <= 60; ++rank) {
    decay->add_x(rank);
    decay->add_y(std::pow(rank, -1 - shift));
  }
  v1::Chart* strength = AddChart("strength", v1::Chart::LINES, evaluation);
  for (const char* operation : {"brightness", "hue"}) {
    v1::ChartLine* line = strength->add_series();
    line->set_name(operation);
    for (int i = 0; i <= 8; ++i) {
      line->add_x(i / 4.0);
      // A hole in the line.
      line->add_y(i == 5 ? NAN : 1 - shift * i / 10.0);
    }
  }
  v1::Chart* bars = AddChart("invariance", v1::Chart::BARS, evaluation);
  AddCategories(bars);
  v1::Chart* map = AddChart("map", v1::Chart::HEAT_MAP, evaluation);
  AddCategories(map);
  for (const char* row : {"layer1", "layer4", "projector"}) {
    v1::ChartLine* bar = bars->add_series();
    v1::ChartLine* cells = map->add_series();
    bar->set_name(row);
    cells->set_name(row);
    for (int c = 0; c < bars->x().categories_size(); ++c) {
      bar->add_y(c == 2 ? -shift : shift + 0.1 * c);
      cells->add_y(c == 3 ? NAN : shift * c);
    }
  }
}

namespace {

// `end` is done when the files are written.
absl::Status RunMadeUpStage(const std::string& stage, const std::string& folder,
                            const std::map<std::string, std::string>& files,
                            const std::function<absl::Status(StageContext&)>& end) {
  v1::ReportOptions made_by;
  made_by.set_output(folder);
  StageSettings settings;
  settings.omit_costs = true;
  settings.force = true;
  return RunStageWork(
             // Version 1 of linear-probe wrote no evaluation.
             {stage, 2, "", /*resumable=*/true}, made_by, settings,
             [&](const google::protobuf::Message&, StageContext& context) {
               for (const auto& [name, bytes] : files) {
                 CASSLE_RETURN_IF_ERROR(WriteFile(JoinPath(context.output_dir(), name), bytes));
               }
               return end(context);
             })
      .status();
}

}  // namespace

absl::Status WriteStageFolder(const std::string& stage, const std::string& folder,
                              const std::map<std::string, std::string>& files) {
  return RunMadeUpStage(stage, folder, files, [](StageContext&) { return absl::OkStatus(); });
}

absl::Status WriteStoppedStage(const std::string& stage, const std::string& folder,
                               const std::map<std::string, std::string>& files) {
  const absl::Status stopped = RunMadeUpStage(stage, folder, files, [](StageContext& context) {
    CASSLE_RETURN_IF_ERROR(context.KeepRecord());
    return absl::CancelledError("stopped");
  });
  return absl::IsCancelled(stopped) ? absl::OkStatus() : stopped;
}

std::map<std::string, std::string> MadeUpTraining(const std::string& provenance, double shift) {
  std::string lines = R"({"step":0,"epoch":0,"probe_accuracy":0.25,"knn_accuracy":0.125})";
  for (int step = 1; step <= 500; ++step) {
    absl::StrAppendFormat(&lines, "\n{\"step\":%d,\"epoch\":%d,\"loss\":%g,\"learning_rate\":%g%s}",
                          step, step <= 250 ? 1 : 2, 5 - shift - step / 200.0,
                          0.06 * (500 - step) / 500, step % 250 == 0 ? ",\"epoch_loss\":3.5" : "");
  }
  absl::StrAppendFormat(&lines,
                        "\n{\"step\":500,\"epoch\":2,\"probe_accuracy\":%g,\"knn_accuracy\":0.5}\n",
                        0.5 + shift / 10);
  return {{"metrics.jsonl", lines},
          {"model.textproto", absl::StrCat("provenance: \"", provenance, "\"\n")},
          {"weights.safetensors", "weights"}};
}

std::string MadeUpPng() {
  RgbImage image;
  image.Resize(48, 64);
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      uint8_t* pixel = image.At(y, x);
      pixel[0] = 4 * x;
      pixel[1] = 5 * y;
      pixel[2] = 128;
    }
  }
  return EncodePng(image).value();
}

std::string MadeUpSvg() {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
         "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"200\" height=\"150\" "
         "viewBox=\"0 0 200 150\">\n<style>circle { stroke: none; }</style>\n"
         "<circle cx=\"60\" cy=\"70\" r=\"30\" fill=\"#0072b2\"/>\n"
         "<circle cx=\"140\" cy=\"80\" r=\"30\" fill=\"#d55e00\"/>\n</svg>\n";
}

}  // namespace cassle
