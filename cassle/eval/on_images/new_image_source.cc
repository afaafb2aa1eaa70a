#include "cassle/eval/on_images/new_image_source.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/csv.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/sources/foreign_format.h"
#include "cassle/data/sources/sources.h"

namespace cassle {
namespace {

// Damaged images that are shown on stderr one by one.
constexpr size_t kShownDamaged = 20;

}  // namespace

absl::StatusOr<NewImageSource> OpenNewImages(v1::DatasetLayout::Source source,
                                             SourceArguments arguments,
                                             const StageContext& context) {
  arguments.only_images = true;
  arguments.interrupted = [&context] { return context.interrupted(); };
  NewImageSource opened;
  opened.tally = arguments.tally;
  std::string layout;
  CASSLE_ASSIGN_OR_RETURN(opened.source, OpenSource(source, arguments, &layout));
  return opened;
}

bool DamagedImages::Take(NewImage* image, StageContext* context) {
  for (const std::string& remark : image->remarks) remarks_.Count(remark, image->key);
  if (image->status.ok()) return false;
  const std::string reason(image->status.message());
  if (list_.size() < kShownDamaged) {
    context->Warn(absl::StrCat("damaged image ", image->key, ": ", reason));
  }
  remarks_.Count(absl::StrCat("images that cannot be read ", what_), image->key);
  list_.emplace_back(std::move(image->key), reason);
  return true;
}

absl::Status DamagedImages::CheckSome(int64_t read, const std::string& input,
                                      const Tally& of_source) const {
  if (read > 0) return absl::OkStatus();
  if (!list_.empty()) {
    return absl::DataLossError(absl::StrCat("none of ", list_.size(),
                                            " images can be read; the first is ", list_[0].first,
                                            ": ", list_[0].second));
  }
  const std::string advice = ForeignFormatAdvice(input);
  if (!advice.empty()) return absl::FailedPreconditionError(advice);
  return absl::FailedPreconditionError(absl::StrCat(input, ": there are no images",
                                                    of_source.Sentences().empty() ? "" : ": ",
                                                    absl::StrJoin(of_source.Sentences(), "; ")));
}

absl::Status DamagedImages::Finish(const Tally& of_source, StageContext* context) const {
  if (!context->output_dir().empty()) {
    std::string text = CsvLine({"image", "reason"});
    for (const auto& [image, reason] : list_) absl::StrAppend(&text, CsvLine({image, reason}));
    CASSLE_RETURN_IF_ERROR(WriteFile(JoinPath(context->output_dir(), "damaged.csv"), text));
  }
  for (const Tally* tally : {&of_source, &remarks_}) {
    for (const std::string& sentence : tally->Sentences()) context->Note(sentence);
  }
  context->Count("damaged", count());
  return absl::OkStatus();
}

}  // namespace cassle
