#include "cassle/models/exchange/torch_file.h"

#include <archive.h>
#include <archive_entry.h>

#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/exchange/pickle_reader.h"
#include "cassle/models/exchange/state_dict.h"

namespace cassle {
namespace {

using Kind = PickleValue::Kind;
// Storages by key: their bytes.
using Storages = std::map<std::string, absl::string_view>;

constexpr char kZipMagic[] = "PK\x03\x04";
// The lowest 64 bits of the number that torch.save wrote first before 1.6 (0x1950a86a20f9469cfc6c),
// a pickle of its own that is shorter than this in any protocol.
constexpr uint64_t kLegacyMagic = 0xa86a20f9469cfc6c;
constexpr size_t kMaxMagicBytes = 64;
// Records of our own (torch_file_writer.h) are called so, behind the archive's name.
constexpr char kMetadataFolder[] = "metadata/";
// A compressed record may not unpack to more than this; torch.save does not compress.
constexpr size_t kMaxPickleBytes = size_t{1} << 30;
constexpr size_t kMaxRecordBytes = size_t{16} << 30;
constexpr size_t kBlockBytes = 1 << 16;

absl::Status Bad(absl::string_view reason) { return absl::DataLossError(reason); }

struct ArchiveCloser {
  void operator()(struct archive* reader) const { archive_read_free(reader); }
};

absl::Status ZipError(struct archive* reader) {
  const char* text = archive_error_string(reader);
  if (text != nullptr && absl::StrContains(text, "CRC")) {
    return Bad(
        "the checksums of its zip archive are wrong: it is damaged, or was saved under "
        "torch.serialization.set_crc32_options(False); if so, torch.save again what torch.load "
        "reads of it, without that");
  }
  return Bad(absl::StrCat("the zip archive is damaged or truncated (",
                          text == nullptr ? "no reason given" : EscapedName(text), ")"));
}

absl::StatusOr<std::string> ReadRecord(struct archive* reader, const std::string& name) {
  std::string bytes;
  size_t used = 0;
  const size_t most = absl::EndsWith(name, "data.pkl") ? kMaxPickleBytes : kMaxRecordBytes;
  while (true) {
    if (used + kBlockBytes / 4 > bytes.size()) bytes.resize(used + kBlockBytes + used / 2);
    const ssize_t count = archive_read_data(reader, &bytes[used], bytes.size() - used);
    if (count < 0) return ZipError(reader);
    if (count == 0) break;
    used += static_cast<size_t>(count);
    if (used > most) {
      return Bad(absl::StrCat("record ", EscapedName(name), " is unreasonably large"));
    }
  }
  bytes.resize(used);
  return bytes;
}

// What a zip archive of torch.save holds, by the names of its records behind the archive's own.
using Records = std::map<std::string, std::string>;

absl::StatusOr<Records> ReadRecords(absl::string_view bytes) {
  const std::unique_ptr<struct archive, ArchiveCloser> reader(archive_read_new());
  // By the directory at its end: without it a file is truncated.
  if (reader == nullptr || archive_read_support_format_zip_seekable(reader.get()) != ARCHIVE_OK ||
      archive_read_open_memory(reader.get(), bytes.data(), bytes.size()) != ARCHIVE_OK) {
    return ZipError(reader.get());
  }
  Records records;
  while (true) {
    struct archive_entry* entry = nullptr;
    const int status = archive_read_next_header(reader.get(), &entry);
    if (status == ARCHIVE_EOF) return records;
    if (status != ARCHIVE_OK) return ZipError(reader.get());
    const char* path = archive_entry_pathname(entry);
    const std::string name = path == nullptr ? "" : path;
    const size_t slash = name.find('/');
    if (slash == std::string::npos) continue;
    const std::string record = name.substr(slash + 1);
    if (absl::StartsWith(record, "code/") || absl::EndsWith(record, "/")) continue;
    CASSLE_ASSIGN_OR_RETURN(std::string content, ReadRecord(reader.get(), name));
    if (!records.emplace(record, std::move(content)).second) {
      return Bad(absl::StrCat("it has two records ", EscapedName(record)));
    }
  }
}

absl::StatusOr<WeightFile> ParseZip(absl::string_view bytes) {
  CASSLE_ASSIGN_OR_RETURN(const Records records, ReadRecords(bytes));
  if (records.count("constants.pkl") > 0) {
    return Bad("it is a TorchScript program; save the state dict instead");
  }
  const auto pickled = records.find("data.pkl");
  if (pickled == records.end()) return Bad("it is a zip archive, but not one of torch.save");
  const auto order = records.find("byteorder");
  if (order != records.end() && order->second != "little") {
    return Bad("it was written on a big-endian machine");
  }
  CASSLE_ASSIGN_OR_RETURN(const Pickle pickle, Pickle::Read(pickled->second));
  Storages storages;
  std::map<std::string, std::string> metadata;
  for (const auto& [name, content] : records) {
    if (absl::StartsWith(name, "data/")) storages[name.substr(5)] = content;
    if (absl::StartsWith(name, kMetadataFolder)) {
      metadata[name.substr(sizeof(kMetadataFolder) - 1)] = content;
    }
  }
  CASSLE_ASSIGN_OR_RETURN(WeightFile file, CollectTensors(pickle, storages));
  file.metadata = std::move(metadata);
  return file;
}

bool IsLegacyMagic(const PickleValue& value) {
  return value.Is(Kind::kOpaque) && static_cast<uint64_t>(value.integer) == kLegacyMagic;
}

// Of what stands behind the number.
absl::StatusOr<WeightFile> ParseLegacy(absl::string_view rest) {
  // Version, system, the dict, the keys.
  std::vector<Pickle> pickles;
  for (int i = 0; i < 4; ++i) {
    CASSLE_ASSIGN_OR_RETURN(Pickle pickle, Pickle::Read(rest));
    rest.remove_prefix(pickle.size());
    pickles.push_back(std::move(pickle));
  }
  const PickleValue* little = pickles[1].root().Find("little_endian");
  if (little == nullptr || !little->Is(Kind::kBool) || little->integer == 0) {
    return Bad("it was written on a big-endian machine");
  }
  std::map<std::string, int64_t> sizes;
  for (const PickleValue* storage : pickles[2].storages()) {
    sizes[storage->text] = storage->element_size;
  }
  Storages storages;
  if (!pickles[3].root().Is(Kind::kList)) return Bad("it has no list of storages");
  for (const PickleValue* key : pickles[3].root().items) {
    const auto known = sizes.find(key->text);
    if (!key->Is(Kind::kString) || known == sizes.end()) {
      return Bad("it lists a storage that no tensor uses");
    }
    int64_t count = 0;
    if (rest.size() < sizeof(count)) return Bad("it ends before its data (truncated)");
    std::memcpy(&count, rest.data(), sizeof(count));
    rest.remove_prefix(sizeof(count));
    const int64_t size = known->second;
    if (count < 0 || count > static_cast<int64_t>(rest.size()) / size) {
      return Bad("it ends before its data (truncated)");
    }
    storages[key->text] = rest.substr(0, static_cast<size_t>(count * size));
    rest.remove_prefix(static_cast<size_t>(count * size));
  }
  return CollectTensors(pickles[2], storages);
}

}  // namespace

absl::StatusOr<WeightFile> ParseTorchFile(absl::string_view bytes) {
  if (absl::StartsWith(bytes, absl::string_view(kZipMagic, 4))) return ParseZip(bytes);
  const absl::StatusOr<Pickle> number = Pickle::Read(bytes.substr(0, kMaxMagicBytes));
  if (number.ok() && IsLegacyMagic(number->root())) {
    return ParseLegacy(bytes.substr(number->size()));
  }
  return Bad("it is neither what torch.save writes nor a safetensors file");
}

}  // namespace cassle
