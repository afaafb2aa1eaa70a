// The outcome of a stage for people: what OutcomeJson (stage_main.h) says, as a short table. Knows
// no stage: everything follows from the form of the result.
//
//   linear-probe: done, /tmp/probe
//   features  128
//   scores
//     name   value    num_test  metric     chance
//     label  81.25 %  64        top1       12.50 %
//     label  80.11 %  64        class_avg  12.50 %
//   note: 1 of 4 rows of --train have no class of label and are left out
#ifndef CASSLE_STAGE_RESULT_TABLE_H_
#define CASSLE_STAGE_RESULT_TABLE_H_

#include <string>

#include "cassle/stage/stage.h"

namespace cassle {

// One line per count, value and note; of a list of flat messages one line each, at most 20, with a
// column per field. What only machines read is left out: fingerprints, values that are not set,
// columns of words that are the same in every line, and lists of messages with lists inside
// (charts). In a line with `is_fraction` the value, its half width and its chance level are in per
// cent.
std::string OutcomeTable(const StageOutcome& outcome);

}  // namespace cassle

#endif  // CASSLE_STAGE_RESULT_TABLE_H_
