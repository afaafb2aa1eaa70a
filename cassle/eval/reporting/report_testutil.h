// Result folders with made-up numbers, for tests of the report.
#ifndef CASSLE_EVAL_REPORTING_REPORT_TESTUTIL_H_
#define CASSLE_EVAL_REPORTING_REPORT_TESTUTIL_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "cassle/eval/result/evaluation.pb.h"

namespace cassle {

// An evaluation of linear-probe with one target per top-1 accuracy, judged by that; the average of
// the classes is half of it.
v1::Evaluation MadeUpProbe(const std::string& encoder,
                           const std::vector<std::pair<std::string, double>>& targets);

// An evaluation of `encoder` on 700 test images without scores and charts.
v1::Evaluation MadeUpEvaluation(const std::string& stage, const std::string& encoder);

// Adds a score that is better when higher, a fraction.
v1::Score* AddMadeUpScore(const std::string& name, double value, v1::Evaluation* evaluation);

// Adds a chart of every kind; `shift` tells encoders apart.
void AddMadeUpCharts(double shift, v1::Evaluation* evaluation);

// A complete output folder of `stage` with these files.
absl::Status WriteStageFolder(const std::string& stage, const std::string& folder,
                              const std::map<std::string, std::string>& files);

// What such a stage leaves when it is stopped after it has told its record: `folder`.partial.
absl::Status WriteStoppedStage(const std::string& stage, const std::string& folder,
                               const std::map<std::string, std::string>& files);

// The files of a model of pretrain after two epochs: what report reads of them.
std::map<std::string, std::string> MadeUpTraining(const std::string& provenance, double shift);

// A small picture as a PNG file, and one as SVG.
std::string MadeUpPng();
std::string MadeUpSvg();

}  // namespace cassle

#endif  // CASSLE_EVAL_REPORTING_REPORT_TESTUTIL_H_
