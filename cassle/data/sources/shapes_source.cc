// The built-in generator as a source (cassle/data/shapes/shapes.h draws the pictures).
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/data/shapes/shapes.h"
#include "cassle/data/sources/sources.h"

namespace cassle {
namespace {

constexpr const char* kSplits[] = {"train", "val", "test"};

class ShapesSource : public ImageSource {
 public:
  explicit ShapesSource(const v1::ShapesOptions& options) : options_(options) {
    const int64_t counts[] = {options.num_train(), options.num_val(), options.num_test()};
    for (int i = 0; i < 3; ++i) {
      if (counts[i] == 0) continue;
      splits_.push_back(kSplits[i]);
      numbers_.push_back(i);
      counts_.push_back(counts[i]);
    }
  }

  const std::vector<std::string>& splits() const override { return splits_; }

  int64_t size() const override {
    return options_.num_train() + options_.num_val() + options_.num_test();
  }

  absl::StatusOr<bool> Next(SourceItem* item) override {
    while (split_ < counts_.size() && position_ == counts_[split_]) {
      ++split_;
      position_ = 0;
    }
    if (split_ == counts_.size()) return false;
    const int number = numbers_[split_];
    const int64_t position = position_++;
    const ShapeFactors factors = SampleShapeFactors(options_, number, position, counts_[split_]);
    item->key = absl::StrCat(splits_[split_], "/", position);
    item->split = static_cast<int>(split_);
    item->label = factors.shape;
    item->targets = ShapeTargetValues(factors);
    item->load = [options = options_, number, position, factors](SourceItem* loaded) {
      DrawShape(options, number, position, factors, &loaded->pixels);
      return absl::OkStatus();
    };
    return true;
  }

  absl::Status Describe(v1::DatasetInfo* info) override {
    for (const std::string& name : ShapeNames()) info->add_classes(name);
    for (const v1::TargetInfo& target : ShapeTargets()) *info->add_targets() = target;
    return absl::OkStatus();
  }

 private:
  const v1::ShapesOptions options_;
  std::vector<std::string> splits_;
  std::vector<int> numbers_;
  std::vector<int64_t> counts_;
  size_t split_ = 0;
  int64_t position_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ImageSource>> OpenShapesSource(const SourceArguments& arguments) {
  if (!arguments.inputs.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("source shapes reads no input, but ", arguments.inputs[0].path, " was named"));
  }
  return std::unique_ptr<ImageSource>(new ShapesSource(arguments.shapes));
}

}  // namespace cassle
