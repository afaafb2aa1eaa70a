#include "cassle/eval/result/probe_evaluation.h"

#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "cassle/eval/result/evaluation.h"

namespace cassle {
namespace {

void AddTop1(const v1::LinearProbeTarget& target, v1::Evaluation* evaluation) {
  v1::Score* score = AddAccuracy(target.name(), target.test_top1(), target.num_test(), evaluation);
  score->set_chance(target.chance_top1());
  score->set_metric("top1");
  score->set_metric_title("top-1 accuracy");
}

void AddClassAverage(const v1::LinearProbeTarget& target, v1::Evaluation* evaluation) {
  v1::Score* score =
      AddAccuracy(target.name(), target.test_class_avg(), target.num_test(), evaluation);
  score->set_chance(target.chance_class_avg());
  score->set_metric("class_avg");
  score->set_metric_title("mean accuracy of the classes");
}

void AddGridChart(const v1::LinearProbeTarget& target, v1::Evaluation* evaluation) {
  v1::Chart* chart = evaluation->add_charts();
  chart->set_name(absl::StrCat("grid of ", target.name()));
  chart->set_title(
      absl::StrCat("Validation accuracy of ", target.name(),
                   " over the weight w of the penalty; the dot: the w that was taken"));
  chart->set_kind(v1::Chart::LINES);
  chart->mutable_x()->set_label("w");
  chart->mutable_x()->set_logarithmic(true);
  chart->mutable_y()->set_label("validation, %");
  v1::ChartLine* line = chart->add_series();
  line->set_name("validation");
  for (const v1::LinearProbeGridPoint& point : target.grid()) {
    if (point.w() == target.best_w()) line->set_marked(line->x_size());
    line->add_x(point.w());
    line->add_y(100 * point.val_accuracy());
  }
}

void AddClassChart(const v1::LinearProbeTarget& target, v1::Evaluation* evaluation) {
  if (target.classes_size() > kMaxChartClasses) return;
  v1::Chart* chart = evaluation->add_charts();
  chart->set_name(absl::StrCat("classes of ", target.name()));
  chart->set_title(absl::StrCat("Test accuracy of each class of ", target.name(), ", %"));
  chart->set_kind(v1::Chart::HEAT_MAP);
  chart->mutable_x()->set_label("class");
  chart->mutable_y()->set_label("encoder");
  v1::ChartLine* row = chart->add_series();
  for (const v1::ClassAccuracy& entry : target.classes()) {
    chart->mutable_x()->add_categories(entry.name());
    row->add_y(entry.num_test() > 0 ? 100.0 * entry.num_right() / entry.num_test()
                                    : std::numeric_limits<double>::quiet_NaN());
  }
}

}  // namespace

void AddProbeTarget(const v1::LinearProbeTarget& target, v1::Evaluation* evaluation) {
  evaluation->set_description("A linear classifier on frozen features.");
  evaluation->set_chance_name("most frequent class");
  if (target.metric() == "class_avg") {
    AddClassAverage(target, evaluation);
    AddTop1(target, evaluation);
  } else {
    AddTop1(target, evaluation);
    AddClassAverage(target, evaluation);
  }
  AddGridChart(target, evaluation);
  AddClassChart(target, evaluation);
  for (const std::string& warning : target.warnings()) {
    evaluation->add_warnings(absl::StrCat(target.name(), ": ", warning));
  }
}

}  // namespace cassle
