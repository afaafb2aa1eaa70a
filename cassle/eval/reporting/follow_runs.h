// report --follow: a page of trainings that are going on, until they are done.
//
// The page is a file of its own, whose address stays: the report's folder appears when everything
// that it is of is complete, as ever. It is replaced as a whole each time, so a browser that loads
// it again (the page says when) never meets half of one. No server is needed for that, nor a port.
#ifndef CASSLE_EVAL_REPORTING_FOLLOW_RUNS_H_
#define CASSLE_EVAL_REPORTING_FOLLOW_RUNS_H_

#include "absl/status/status.h"
#include "cassle/eval/reporting/report_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

// With --follow writes the page every --follow_seconds until all of --results are finished, and
// names these in their place: OUTPUT for OUTPUT.partial. Without, does nothing but refuse what is
// not finished. While runs go on, the page has all columns and metrics.
// \error kCancelled if interrupted; kUnavailable if a run was stopped and none is going on (the
// page shows how far each came); kNotFound for a result that neither exists nor is going on, or
// without --follow is not finished; kInvalidArgument for a page that cannot be named so; what
// ReadReportInputs and CollectTable return.
absl::Status FollowRuns(v1::ReportOptions* options, const StageContext& context);

}  // namespace cassle

#endif  // CASSLE_EVAL_REPORTING_FOLLOW_RUNS_H_
