// The charts of evaluations (v1::Chart) on a page: those of one name beside each other.
#ifndef CASSLE_EVAL_REPORTING_EVALUATION_CHARTS_H_
#define CASSLE_EVAL_REPORTING_EVALUATION_CHARTS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cassle/eval/result/evaluation.pb.h"

namespace cassle {

// A chart and whose it is.
struct EncoderChart {
  std::string encoder;
  // Index of the encoder's colour on the page.
  int color = 0;
  const v1::Chart* chart = nullptr;
};

// \error kDataLoss naming the chart and what is wrong: no kind, x and y, a band or categories and y
// of different lengths.
absl::Status CheckChart(const v1::Chart& chart);

// Whether every encoder has one line: then all of them go into one chart.
bool IsJoint(const std::vector<EncoderChart>& charts);

// One figure with the lines of all encoders, in their colours. `charts` have one name and passed
// CheckChart.
std::string JointFigure(const std::string& heading, const std::vector<EncoderChart>& charts);

// A heading, a legend of the series and one figure per encoder. `charts` have one name and kind and
// passed CheckChart; all get the same axes, so that lengths and colours can be compared.
//   titled  whether line charts say whose they are: not where the page has one encoder.
std::string ChartFigures(const std::string& heading, const std::vector<EncoderChart>& charts,
                         bool titled);

// A list of coloured names.
struct LegendEntry {
  std::string name;
  int color = 0;
};
std::string Legend(const std::vector<LegendEntry>& entries);

}  // namespace cassle

#endif  // CASSLE_EVAL_REPORTING_EVALUATION_CHARTS_H_
