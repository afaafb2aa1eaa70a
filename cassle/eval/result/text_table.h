// Tables of a result that are shown as they are (v1::TextTable).
#ifndef CASSLE_EVAL_RESULT_TEXT_TABLE_H_
#define CASSLE_EVAL_RESULT_TEXT_TABLE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cassle/eval/result/evaluation.pb.h"

namespace cassle {

// \error kDataLoss naming the table, if a row has not as many cells as there are columns.
absl::Status CheckTextTable(const v1::TextTable& table);

// The text as it can stand in a cell: it ends none, and begins no element of HTML.
std::string MarkdownText(const std::string& text);

// The table alone, its first column aligned left, without title and note.
std::string MarkdownTable(const v1::TextTable& table);

}  // namespace cassle

#endif  // CASSLE_EVAL_RESULT_TEXT_TABLE_H_
