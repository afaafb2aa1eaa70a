// What tests of CSV lists share.
#ifndef CASSLE_DATA_SOURCES_TABLES_CSV_TESTUTIL_H_
#define CASSLE_DATA_SOURCES_TABLES_CSV_TESTUTIL_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/data/sources/source_testutil.h"
#include "gtest/gtest.h"

namespace cassle {

inline constexpr absl::StatusCode kBad = absl::StatusCode::kFailedPrecondition;
inline constexpr absl::StatusCode kDamaged = absl::StatusCode::kDataLoss;

// A folder of its own with the images i/0.png to i/3.png.
class CsvListTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = FreshFolder(::testing::UnitTest::GetInstance()->current_test_info()->name());
    for (int i = 0; i < 4; ++i) {
      PutFile(absl::StrCat(root_, "/i/", i, ".png"), FlatPng(1, 1, 1, 1, 1));
    }
  }

  // The list of that text, as list.csv.
  absl::StatusOr<SourceContent> Read(const std::string& text, const std::string& label_from = "",
                                     const std::string& image_from = "") {
    PutFile(root_ + "/list.csv", text);
    SourceArguments arguments;
    arguments.inputs = {{"", root_ + "/list.csv"}};
    arguments.label_from = label_from;
    arguments.image_from = image_from;
    return ReadSource(arguments);
  }

  std::string root_;
};

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_TABLES_CSV_TESTUTIL_H_
