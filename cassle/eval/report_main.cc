// report: results as tables and a page. See report_stage.h.
#include "cassle/base/stage_main.h"
#include "cassle/eval/report_stage.h"

int main(int argc, char** argv) {
  return cassle::StageMain<cassle::v1::ReportOptions>(argc, argv, cassle::kReportInfo,
                                                      cassle::RunReport);
}
