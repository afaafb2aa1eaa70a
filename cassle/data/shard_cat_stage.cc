#include "cassle/data/shard_cat_stage.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/data/images/codec.h"
#include "cassle/data/records/dataset.h"
#include "cassle/data/records/image_record.pb.h"
#include "cassle/data/records/tfrecord.h"
#include "cassle/data/records/view_record.pb.h"
#include "cassle/stage/stage_manifest.h"

namespace cassle {
namespace {

using Options = v1::ShardCatOptions;
using Print = absl::FunctionRef<absl::Status(absl::string_view)>;

// Of one record: the message, and its pixels.
struct Record {
  std::unique_ptr<google::protobuf::Message> message;
  std::string bytes_field;
  v1::ImageFormat format = v1::IMAGE_FORMAT_UNSPECIFIED;
  int height = 0;
  int width = 0;
  std::string pixels;
};

bool HasUnknownFields(const google::protobuf::Message& message) {
  return !message.GetReflection()->GetUnknownFields(message).empty();
}

// An ImageRecord and a ViewRecord use other wire types for most fields.
Options::Type DetectType(const std::string& payload) {
  v1::ImageRecord image;
  return image.ParseFromString(payload) && !HasUnknownFields(image) ? Options::IMAGE
                                                                    : Options::VIEW;
}

// Parses a payload; the pixels are moved out of the message unless `keep_bytes`.
absl::StatusOr<Record> ParseRecord(Options::Type type, const std::string& payload,
                                   bool keep_bytes) {
  Record record;
  const auto bad = [&] { return absl::DataLossError("not such a record (give --type=?)"); };
  if (type == Options::IMAGE) {
    auto image = std::make_unique<v1::ImageRecord>();
    if (!image->ParseFromString(payload) || HasUnknownFields(*image)) return bad();
    record.bytes_field = "encoded";
    record.format = image->format();
    record.height = static_cast<int>(image->height());
    record.width = static_cast<int>(image->width());
    record.pixels = image->encoded();
    if (!keep_bytes) image->clear_encoded();
    record.message = std::move(image);
  } else {
    auto view = std::make_unique<v1::ViewRecord>();
    if (!view->ParseFromString(payload) || HasUnknownFields(*view)) return bad();
    record.bytes_field = "pixels";
    record.format = view->pixel_format();
    record.height = record.width = static_cast<int>(view->size());
    record.pixels = view->pixels();
    if (!keep_bytes) view->clear_pixels();
    record.message = std::move(view);
  }
  return record;
}

// The record as text; pixels that were taken out appear as their number of bytes.
absl::StatusOr<std::string> FormatRecord(const Options& options, const Record& record,
                                         const std::string& origin) {
  const bool abbreviated = !options.bytes() && !record.pixels.empty();
  const std::string summary = absl::StrCat("<", record.pixels.size(), " bytes>");
  if (options.format() == Options::JSON) {
    CASSLE_ASSIGN_OR_RETURN(std::string json, ToJson(*record.message));
    absl::StripTrailingAsciiWhitespace(&json);
    if (abbreviated) {
      const std::string empty = absl::StrCat("\"", record.bytes_field, "\":\"\"");
      const size_t place = json.find(empty);
      if (place != std::string::npos) json.insert(place + empty.size() - 1, summary);
    }
    return json + "\n";
  }
  std::string text = absl::StrCat("# ", origin, "\n", PrintTextProto(*record.message));
  if (abbreviated) absl::StrAppend(&text, record.bytes_field, ": \"", summary, "\"\n");
  return text;
}

// "test" of test-00003-of-00016.tfrecord (ShardFileName); empty for other names.
std::string SplitOfShard(const std::string& name) {
  const size_t of = name.rfind("-of-");
  const size_t number = of == std::string::npos ? of : name.rfind('-', of - 1);
  return number == std::string::npos ? "" : name.substr(0, number);
}

absl::StatusOr<std::vector<std::string>> FindShards(const Options& options) {
  if (options.input().empty()) {
    return absl::InvalidArgumentError(
        "--input is missing: name a shard, a folder of shards, or '-'");
  }
  if (options.input() == "-" || !IsDirectory(options.input())) {
    return std::vector<std::string>{options.input()};
  }
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(options.input()));
  std::vector<std::string> shards;
  for (const std::string& name : names) {
    if (absl::EndsWith(name, ".tfrecord") &&
        (options.split().empty() || SplitOfShard(name) == options.split())) {
      shards.push_back(JoinPath(options.input(), name));
    }
  }
  // In the order of ids, where that is known; a damaged description shows in --verify.
  v1::DatasetInfo info;
  std::vector<std::string> in_order;
  if (ReadTextProto(JoinPath(options.input(), kDatasetInfoName), &info).ok()) {
    for (const v1::SplitInfo& split : info.splits()) in_order.push_back(split.name());
  }
  const auto rank = [&](const std::string& shard) {
    return std::find(in_order.begin(), in_order.end(), SplitOfShard(BaseName(shard))) -
           in_order.begin();
  };
  std::stable_sort(shards.begin(), shards.end(),
                   [&](const std::string& a, const std::string& b) { return rank(a) < rank(b); });
  if (shards.empty()) {
    return absl::NotFoundError(absl::StrCat(options.input(), ": no shards (", options.split(),
                                            options.split().empty() ? "" : "-",
                                            "*.tfrecord) in this folder"));
  }
  return shards;
}

// Visits every record of every shard until `visit` returns false.
absl::Status ForEachRecord(
    const std::vector<std::string>& shards,
    absl::FunctionRef<absl::StatusOr<bool>(const std::string& payload, const std::string& shard,
                                           int64_t record)>
        visit) {
  std::string payload;
  for (const std::string& shard : shards) {
    CASSLE_ASSIGN_OR_RETURN(const auto reader, TfRecordReader::Open(shard));
    while (true) {
      const int64_t number = reader->num_records();
      CASSLE_ASSIGN_OR_RETURN(const bool more, reader->Next(&payload));
      if (!more) break;
      CASSLE_ASSIGN_OR_RETURN(const bool go_on, visit(payload, shard, number));
      if (!go_on) return absl::OkStatus();
    }
  }
  return absl::OkStatus();
}

absl::Status PrintRecords(const Options& options, const std::vector<std::string>& shards,
                          Print print) {
  Options::Type type = options.type();
  int64_t printed = 0;
  return ForEachRecord(
      shards,
      [&](const std::string& payload, const std::string& shard,
          int64_t number) -> absl::StatusOr<bool> {
        if (type == Options::DETECT) type = DetectType(payload);
        const std::string origin = absl::StrCat(BaseName(shard), " record ", number);
        absl::StatusOr<Record> record = ParseRecord(type, payload, options.bytes());
        if (!record.ok())
          return Annotate(record.status(), absl::StrCat(shard, ": record ", number));
        CASSLE_ASSIGN_OR_RETURN(const std::string text, FormatRecord(options, *record, origin));
        CASSLE_RETURN_IF_ERROR(print(text));
        return options.limit() <= 0 || ++printed < options.limit();
      });
}

absl::Status CountRecords(const std::vector<std::string>& shards, Print print) {
  int64_t records = 0;
  CASSLE_RETURN_IF_ERROR(ForEachRecord(
      shards, [&](const std::string&, const std::string&, int64_t) -> absl::StatusOr<bool> {
        ++records;
        return true;
      }));
  return print(absl::StrCat(records, "\n"));
}

// The stage's own word for the folder: every file is there with the fingerprint it was born with.
absl::Status VerifyManifest(const std::string& folder) {
  CASSLE_RETURN_IF_ERROR(RequireComplete(folder));
  CASSLE_ASSIGN_OR_RETURN(const v1::StageManifest manifest, ReadManifest(folder));
  v1::StageManifest now;
  CASSLE_RETURN_IF_ERROR(FingerprintFiles(folder, &now));
  for (const v1::FileFingerprint& file : manifest.files()) {
    const auto same = std::find_if(
        now.files().begin(), now.files().end(), [&](const v1::FileFingerprint& candidate) {
          return candidate.name() == file.name() && candidate.fingerprint() == file.fingerprint();
        });
    if (same == now.files().end()) {
      return absl::DataLossError(
          absl::StrCat(JoinPath(folder, file.name()), ": its bytes are not those the stage wrote"));
    }
  }
  return absl::OkStatus();
}

// The images of all splits are there, in their shards, with the ids they should have.
absl::Status VerifyDataset(const std::string& folder, int64_t* images) {
  v1::DatasetInfo info;
  CASSLE_RETURN_IF_ERROR(ReadStoredTextProto(JoinPath(folder, kDatasetInfoName), &info));
  v1::ImageRecord record;
  for (const v1::SplitInfo& split : info.splits()) {
    CASSLE_ASSIGN_OR_RETURN(const auto dataset, Dataset::Open(folder, split.name()));
    for (int64_t i = 0; i < dataset->size(); ++i) {
      CASSLE_RETURN_IF_ERROR(dataset->Read(i, &record));
    }
    *images += dataset->size();
  }
  return absl::OkStatus();
}

absl::Status Verify(const Options& options, const std::vector<std::string>& shards, Print print) {
  const bool folder = options.input() != "-" && IsDirectory(options.input());
  int64_t images = 0;
  // The records come first: their errors say most.
  int64_t records = 0;
  CASSLE_RETURN_IF_ERROR(ForEachRecord(
      shards, [&](const std::string&, const std::string&, int64_t) -> absl::StatusOr<bool> {
        ++records;
        return true;
      }));
  if (folder && FileExists(JoinPath(options.input(), kDatasetInfoName))) {
    CASSLE_RETURN_IF_ERROR(VerifyDataset(options.input(), &images));
    if (options.split().empty() && images != records) {
      return absl::DataLossError(absl::StrCat(options.input(), ": ", kDatasetInfoName, " knows ",
                                              images, " images, but the shards hold ", records));
    }
  }
  if (folder) CASSLE_RETURN_IF_ERROR(VerifyManifest(options.input()));
  return print(absl::StrCat("ok: ", records, " records in ", shards.size(), " shards",
                            folder ? ", index, counts and fingerprints agree" : "", "\n"));
}

absl::Status ExtractPicture(const Record& record, const std::string& to) {
  const std::string name = absl::AsciiStrToLower(to);
  const bool png = absl::EndsWith(name, ".png");
  if (!png && !absl::EndsWith(name, ".jpg") && !absl::EndsWith(name, ".jpeg")) {
    return absl::InvalidArgumentError(
        absl::StrCat("--to=", to, ": name a .png or .jpg file to write"));
  }
  if (record.pixels.empty()) {
    return absl::FailedPreconditionError("the record holds no pixels, only parameters");
  }
  const v1::ImageFormat wanted = png ? v1::PNG : v1::JPEG;
  if (record.format == wanted) return WriteFile(to, record.pixels);
  RgbImage image;
  CASSLE_RETURN_IF_ERROR(
      DecodeImage(record.pixels, record.format, record.height, record.width, &image));
  CASSLE_ASSIGN_OR_RETURN(const std::string bytes, EncodeImage(image, wanted, /*quality=*/95));
  return WriteFile(to, bytes);
}

absl::Status Extract(const Options& options, const std::vector<std::string>& shards, Print print) {
  Options::Type type = options.type();
  bool found = false;
  int64_t position = 0;
  CASSLE_RETURN_IF_ERROR(ForEachRecord(
      shards,
      [&](const std::string& payload, const std::string& shard,
          int64_t number) -> absl::StatusOr<bool> {
        if (type == Options::DETECT) type = DetectType(payload);
        int64_t id = position++;
        const absl::StatusOr<Record> record = ParseRecord(type, payload, /*keep_bytes=*/false);
        if (!record.ok())
          return Annotate(record.status(), absl::StrCat(shard, ": record ", number));
        if (type == Options::IMAGE) {
          id = static_cast<int64_t>(static_cast<v1::ImageRecord&>(*record->message).id());
        }
        if (id != options.extract()) return true;
        found = true;
        CASSLE_RETURN_IF_ERROR(Annotate(ExtractPicture(*record, options.to()),
                                        absl::StrCat(shard, ": record ", number)));
        return false;
      }));
  if (!found) {
    return absl::NotFoundError(
        absl::StrCat(options.input(), ": there is no record ", options.extract()));
  }
  return print(absl::StrCat(options.to(), "\n"));
}

}  // namespace

StageInfo ShardCatInfo() {
  StageInfo info;
  info.name = "shard-cat";
  info.summary =
      "Looks into shards: prints their records, counts them, verifies them, or takes a picture "
      "out.";
  return info;
}

absl::Status ShardCat(const Options& options, Print print) {
  const int actions =
      (options.count() ? 1 : 0) + (options.verify() ? 1 : 0) + (options.has_extract() ? 1 : 0);
  if (actions > 1) {
    return absl::InvalidArgumentError("give at most one of --count, --verify and --extract");
  }
  if (options.has_extract() == options.to().empty()) {
    return absl::InvalidArgumentError("--extract=ID and --to=FILE go together");
  }
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> shards, FindShards(options));
  if (options.count()) return CountRecords(shards, print);
  if (options.verify()) return Verify(options, shards, print);
  if (options.has_extract()) return Extract(options, shards, print);
  return PrintRecords(options, shards, print);
}

absl::Status RunShardCat(const Options& options, StageContext& context) {
  CASSLE_ASSIGN_OR_RETURN(const auto out, FileWriter::Open("-"));
  const absl::Status status =
      ShardCat(options, [&](absl::string_view text) { return out->Append(text); });
  const absl::Status closed = out->Close();
  return status.ok() ? closed : status;
}

}  // namespace cassle
