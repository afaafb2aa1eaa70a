// A small plan and made-up kept links, as files.
#ifndef CASSLE_EVAL_CURVES_CURVES_TESTUTIL_H_
#define CASSLE_EVAL_CURVES_CURVES_TESTUTIL_H_

#include <array>
#include <string>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "cassle/eval/curves/kept_links.pb.h"
#include "gtest/gtest.h"

namespace cassle {

// Two rows, plain and told; two seeds; 10 and 30 epochs; two columns.
class CurvesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = JoinPath(::testing::TempDir(),
                     ::testing::UnitTest::GetInstance()->current_test_info()->name());
    ASSERT_OK(RemoveAll(root_));
    ASSERT_OK(MakeDirectories(root_));
    plan_.set_title("At length");
    for (const int epochs : {10, 30}) plan_.add_epochs(epochs);
    for (const int seed : {1, 2}) plan_.add_seeds(seed);
    for (const char* column : {"hue", "class"}) plan_.add_columns(column);
    for (const auto& [key, title, baseline] :
         {std::array<const char*, 3>{"plain", "Plain", ""}, {"told", "Told, of all", "plain"}}) {
      v1::PlannedRow* row = plan_.add_rows();
      row->set_key(key);
      row->set_title(title);
      row->set_baseline(baseline);
      row->set_flags(absl::StrCat("--method=", key));
    }
  }

  std::string Path(const std::string& name) const { return JoinPath(root_, name); }

  std::string WriteJson(const std::string& name, const google::protobuf::Message& message) {
    EXPECT_OK(WriteFile(Path(name), ToJson(message).value()));
    return Path(name);
  }

  // Of eight images in "hue" those right that the two digits say, in "class" the first one.
  static v1::KeptLink MakeLink(const std::string& row, int seed, int epochs,
                               const std::string& hue_right, int num_right) {
    v1::KeptLink link;
    link.set_row(row);
    link.set_seed(seed);
    link.set_epochs(epochs);
    link.set_flags(absl::StrCat("--method=", row));
    link.set_model_fingerprint(absl::StrCat(row, seed, "@", epochs));
    link.set_cpu_seconds(360.0 * epochs);
    link.set_wall_seconds(180.0 * epochs);
    for (const auto& [column, right, count] :
         {std::make_tuple("hue", hue_right, num_right), {"class", std::string("80"), 1}}) {
      v1::KeptProbe* probe = link.add_probes();
      probe->set_column(column);
      probe->set_num_test(8);
      probe->set_num_right(count);
      probe->set_right(right);
      probe->set_dataset_fingerprint(absl::StrCat("images of ", column));
    }
    return link;
  }

  std::string root_;
  v1::TrainingPlan plan_;
};

}  // namespace cassle

#endif  // CASSLE_EVAL_CURVES_CURVES_TESTUTIL_H_
