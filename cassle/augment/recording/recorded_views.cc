#include "cassle/augment/recording/recorded_views.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/data/images/codec.h"
#include "cassle/data/records/tfrecord.h"
#include "cassle/stage/stage_manifest.h"

namespace cassle {
namespace {

// The most that --views asks for.
constexpr uint32_t kMaxViews = 1000;

// How many records there are, images x epochs x views, can be counted.
absl::Status CheckCounts(const v1::ViewsInfo& info, int64_t* records) {
  if (info.num_images() > 0 && info.epochs() > 0 && info.views() > 0 && info.views() <= kMaxViews &&
      info.records_per_shard() > 0 &&
      !__builtin_mul_overflow(info.num_images(), int64_t{info.epochs()}, records) &&
      !__builtin_mul_overflow(*records, int64_t{info.views()}, records)) {
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat(
      "there are no ", info.num_images(), " images, ", info.epochs(), " epochs and ", info.views(),
      " views in shards of ", info.records_per_shard(), " records: the file is damaged"));
}

// The views are those of the policy, and JPEG pixels of a quality that there is.
absl::Status CheckHowMade(const v1::ViewsInfo& info) {
  const int fixed = NumViews(info.policy());
  if (fixed > 0 && info.views() > static_cast<uint32_t>(fixed)) {
    return absl::DataLossError(absl::StrCat(info.views(), " views of policy ", info.policy().name(),
                                            ", which has ", fixed, ": the file is damaged"));
  }
  if (info.pixel_format() == v1::JPEG && (info.jpeg_quality() < 1 || info.jpeg_quality() > 100)) {
    return absl::DataLossError(absl::StrCat("JPEG quality ", info.jpeg_quality(),
                                            " is not 1 to 100: the file is damaged"));
  }
  return absl::OkStatus();
}

// A part is one of so many, and its shards are some of all.
absl::Status CheckPart(const v1::ViewsPart& part, int64_t records_per_shard, int64_t records) {
  const int64_t total = part.total_shards();
  if (part.index() >= 0 && part.index() < part.count() && part.count() <= total &&
      part.first_shard() >= 0 && part.first_shard() <= part.end_shard() &&
      part.end_shard() <= total && total <= (records - 1) / records_per_shard + 1) {
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat(
      "there is no part ", part.index(), " of ", part.count(), " with shards ", part.first_shard(),
      " to ", part.end_shard(), " of ", total, ": the file is damaged"));
}

// Shards are full, but for the last, and hold the records that there are, those of a part its own.
absl::Status CheckShards(const v1::ViewsInfo& info, int64_t records) {
  const v1::ViewsPart& part = info.part();
  int64_t shards = (records - 1) / info.records_per_shard() + 1;
  if (info.has_part()) {
    shards = part.end_shard() - part.first_shard();
    records = std::min(records - part.first_shard() * info.records_per_shard(),
                       shards * info.records_per_shard());
  }
  for (int s = 0; s < info.shards_size(); ++s) {
    const int64_t in_shard = info.shards(s).num_records();
    const bool last = s + 1 == info.shards_size();
    if (in_shard < 1 ||
        (last ? in_shard > info.records_per_shard() : in_shard != info.records_per_shard())) {
      return absl::DataLossError(absl::StrCat("shard ", s, " has ", in_shard,
                                              " records instead of ", info.records_per_shard()));
    }
    records -= in_shard;
  }
  if (records == 0 && shards == info.shards_size()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      "the shards have ", std::abs(records), records < 0 ? " records more" : " records fewer",
      " than ", info.num_images(), " images, ", info.epochs(), " epochs and ", info.views(),
      " views make: the file is damaged"));
}

}  // namespace

absl::StatusOr<v1::ViewsInfo> ReadViewsInfo(const std::string& folder) {
  CASSLE_RETURN_IF_ERROR(
      RequireKind(folder, kViewsInfoName, "folder of recorded views (of augment-and-record)"));
  v1::ViewsInfo info;
  const std::string path = JoinPath(folder, kViewsInfoName);
  CASSLE_RETURN_IF_ERROR(ReadStoredTextProto(path, &info));
  const absl::Status checked = CheckPolicy(info.policy());
  if (!checked.ok()) return absl::DataLossError(absl::StrCat(path, ": ", checked.message()));
  int64_t records = 0;
  CASSLE_RETURN_IF_ERROR(Annotate(CheckCounts(info, &records), path));
  CASSLE_RETURN_IF_ERROR(Annotate(CheckHowMade(info), path));
  if (info.has_part()) {
    CASSLE_RETURN_IF_ERROR(
        Annotate(CheckPart(info.part(), info.records_per_shard(), records), path));
  }
  CASSLE_RETURN_IF_ERROR(Annotate(CheckShards(info, records), path));
  return info;
}

absl::StatusOr<std::shared_ptr<const RecordedViews>> RecordedViews::Open(
    const std::string& folder) {
  std::shared_ptr<RecordedViews> views(new RecordedViews);
  views->folder_ = folder;
  CASSLE_ASSIGN_OR_RETURN(views->info_, ReadViewsInfo(folder));
  if (views->info_.has_part()) {
    const v1::ViewsPart& part = views->info_.part();
    return absl::DataLossError(
        absl::StrCat(folder, " is only part ", part.index(), " of ", part.count(),
                     " of its views: make them one folder with augment-and-record --merge first"));
  }
  CASSLE_RETURN_IF_ERROR(views->OpenShards());
  return std::shared_ptr<const RecordedViews>(std::move(views));
}

absl::Status RecordedViews::OpenShards() {
  for (const v1::ShardInfo& shard_info : info_.shards()) {
    Shard shard;
    shard.path = JoinPath(folder_, shard_info.file());
    CASSLE_ASSIGN_OR_RETURN(shard.file, MapFile(shard.path));
    const int64_t bytes = static_cast<int64_t>(shard.file->bytes().size());
    if (bytes != shard_info.size_bytes()) {
      return absl::DataLossError(absl::StrCat(shard.path, ": ", bytes, " bytes instead of ",
                                              shard_info.size_bytes(), " (truncated or replaced)"));
    }
    CASSLE_ASSIGN_OR_RETURN(shard.offsets,
                            ReadRecordIndex(shard.path, shard_info.num_records(), bytes));
    shards_.push_back(std::move(shard));
  }
  return absl::OkStatus();
}

absl::Status RecordedViews::Read(int64_t epoch, int64_t image, int view,
                                 v1::ViewRecord* record) const {
  if (epoch < 0 || epoch >= info_.epochs() || image < 0 || image >= info_.num_images() ||
      view < 0 || view >= static_cast<int64_t>(info_.views())) {
    return absl::InvalidArgumentError(
        absl::StrCat(folder_, ": there is no epoch ", epoch, ", image ", image, ", view ", view,
                     " among ", info_.epochs(), " epochs of ", info_.num_images(), " images with ",
                     info_.views(), " views"));
  }
  const int64_t number = (epoch * info_.num_images() + image) * info_.views() + view;
  const Shard& shard = shards_[number / info_.records_per_shard()];
  const int64_t within = number % info_.records_per_shard();
  CASSLE_ASSIGN_OR_RETURN(const absl::string_view payload,
                          RecordAt(shard.file->bytes(), shard.offsets[within], shard.path, within));
  if (!record->ParseFromArray(payload.data(), static_cast<int>(payload.size())) ||
      record->image_id() != info_.first_image_id() + static_cast<uint64_t>(image) ||
      record->epoch() != epoch || record->view() != static_cast<uint32_t>(view)) {
    return absl::DataLossError(
        absl::StrCat(shard.path, ": record ", within, " is not the view ", view, " of image ",
                     info_.first_image_id() + static_cast<uint64_t>(image), " in epoch ", epoch));
  }
  return absl::OkStatus();
}

absl::Status DecodeViewPixels(const v1::ViewRecord& record, RgbImage* view) {
  const std::string what = absl::StrCat("view ", record.view(), " of image ", record.image_id(),
                                        ", epoch ", record.epoch());
  if (record.pixel_format() == v1::IMAGE_FORMAT_UNSPECIFIED) {
    return absl::DataLossError(absl::StrCat(what, " was recorded without its pixels"));
  }
  const int size = static_cast<int>(record.size());
  return Annotate(DecodeImage(record.pixels(), record.pixel_format(), size, size, view), what);
}

}  // namespace cassle
