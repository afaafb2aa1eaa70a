#include "cassle/data/sources/archives/zip_check.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

// Signatures, and the bytes of each record without what varies (APPNOTE.TXT of PKWARE).
constexpr absl::string_view kMember("PK\3\4", 4);
constexpr size_t kMemberBytes = 30;
constexpr absl::string_view kEntry("PK\1\2", 4);
constexpr size_t kEntryBytes = 46;
constexpr absl::string_view kEnd("PK\5\6", 4);
constexpr size_t kEndBytes = 22;
constexpr absl::string_view kEnd64("PK\6\6", 4);
constexpr size_t kEnd64Bytes = 56;
constexpr absl::string_view kLocator64("PK\6\7", 4);
constexpr size_t kLocator64Bytes = 20;
constexpr uint16_t kExtra64 = 1;

uint64_t LittleEndian(absl::string_view bytes, size_t at, size_t count) {
  uint64_t value = 0;
  for (size_t i = count; i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
  return value;
}

bool IsAt(absl::string_view bytes, uint64_t at, absl::string_view signature) {
  return at <= bytes.size() && absl::StartsWith(bytes.substr(at), signature);
}

// The name of the first member in the bytes; empty if they hold none.
std::string FirstMember(absl::string_view bytes) {
  for (size_t at = bytes.find(kMember); at != bytes.npos; at = bytes.find(kMember, at + 1)) {
    if (bytes.size() - at < kMemberBytes) break;
    // Four bytes may stand anywhere: the version and the method tell, too.
    const uint64_t version = LittleEndian(bytes, at + 4, 2),
                   method = LittleEndian(bytes, at + 8, 2);
    const uint64_t size = LittleEndian(bytes, at + 26, 2);
    if ((version & 0xff) > 63 || method > 99 || size == 0) continue;
    const absl::string_view name = bytes.substr(at + kMemberBytes, size);
    if (name.size() == size && name.find('\0') == name.npos) return std::string(name);
  }
  return "";
}

// The directory, as the end of the zip has it.
struct Directory {
  size_t begin = 0, end = 0;
  // Behind the end of the zip.
  size_t zip_end = 0;
  uint64_t entries = 0;
  // What stands before the zip shifts all offsets.
  uint64_t shift = 0;
};

// From a member's begin to where it ends at least; what else belongs to it is short.
using Extent = std::pair<uint64_t, uint64_t>;

class ZipCheck {
 public:
  ZipCheck(absl::string_view zip, const std::string& name, Tally* tally)
      : zip_(zip), name_(name), tally_(tally) {}

  absl::Status Run() const {
    CASSLE_ASSIGN_OR_RETURN(const Directory directory, FindDirectory());
    CASSLE_ASSIGN_OR_RETURN(std::vector<Extent> members, ReadDirectory(directory));
    std::sort(members.begin(), members.end());
    members.emplace_back(directory.begin, directory.zip_end);
    uint64_t done = 0;
    for (const auto& [begin, end] : members) {
      if (begin > done) CASSLE_RETURN_IF_ERROR(CheckNoMember(done, begin));
      done = std::max(done, end);
    }
    CASSLE_RETURN_IF_ERROR(CheckNoMember(directory.zip_end, zip_.size()));
    const std::string file = EscapedName(BaseName(name_));
    if (members[0].first > 0) {
      tally_->Decide(
          absl::StrCat(file, ": ", members[0].first, " bytes before the zip are not read"));
    }
    if (directory.zip_end < zip_.size()) {
      tally_->Decide(absl::StrCat(file, ": ", zip_.size() - directory.zip_end,
                                  " bytes behind the zip are not read"));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Damaged(absl::string_view how) const {
    return absl::DataLossError(absl::StrCat(name_, ": ", how, ": download or pack it again"));
  }

  absl::StatusOr<Directory> FindDirectory() const {
    size_t at = zip_.rfind(kEnd);
    const auto fits = [&] {
      return at + kEndBytes <= zip_.size() &&
             at + kEndBytes + LittleEndian(zip_, at + 20, 2) <= zip_.size();
    };
    while (at != zip_.npos && !fits()) at = at == 0 ? zip_.npos : zip_.rfind(kEnd, at - 1);
    if (at == zip_.npos) {
      return Damaged("the directory at the end of the zip is missing or cut short");
    }
    const uint64_t part = LittleEndian(zip_, at + 4, 2);
    if (part != 0 && part != 0xffff) {
      return absl::DataLossError(absl::StrCat(name_, " is part ", part + 1,
                                              " of a zip in several: join them first (zip -s 0)"));
    }
    Directory directory;
    directory.end = at;
    directory.zip_end = at + kEndBytes + LittleEndian(zip_, at + 20, 2);
    directory.entries = LittleEndian(zip_, at + 10, 2);
    uint64_t size = LittleEndian(zip_, at + 12, 4), offset = LittleEndian(zip_, at + 16, 4);
    if (at >= kLocator64Bytes && IsAt(zip_, at - kLocator64Bytes, kLocator64)) {
      uint64_t end64 = LittleEndian(zip_, at - kLocator64Bytes + 8, 8);
      // Its offset does not count what stands before the zip.
      if (!IsAt(zip_, end64, kEnd64)) end64 = at - std::min(at, kLocator64Bytes + kEnd64Bytes);
      if (!IsAt(zip_, end64, kEnd64) || end64 + kEnd64Bytes > at) {
        return Damaged("the end of the zip is damaged");
      }
      directory.end = end64;
      directory.entries = LittleEndian(zip_, end64 + 32, 8);
      size = LittleEndian(zip_, end64 + 40, 8);
      offset = LittleEndian(zip_, end64 + 48, 8);
    }
    if (size > directory.end || offset > directory.end - size) {
      return Damaged("the directory at the end of the zip is cut short");
    }
    directory.begin = directory.end - size;
    // Something may stand between the directory and the end.
    if (!IsAt(zip_, directory.begin, kEntry) && IsAt(zip_, offset, kEntry))
      directory.begin = offset;
    directory.shift = directory.begin - offset;
    return directory;
  }

  absl::StatusOr<std::vector<Extent>> ReadDirectory(const Directory& directory) const {
    std::vector<Extent> members;
    size_t at = directory.begin;
    while (at + kEntryBytes <= directory.end && IsAt(zip_, at, kEntry)) {
      const uint64_t name = LittleEndian(zip_, at + 28, 2), extra = LittleEndian(zip_, at + 30, 2),
                     comment = LittleEndian(zip_, at + 32, 2);
      const uint64_t next = at + kEntryBytes + name + extra + comment;
      if (next > directory.end) break;
      uint64_t size = LittleEndian(zip_, at + 20, 4), begin = LittleEndian(zip_, at + 42, 4);
      ReadExtra64(zip_.substr(at + kEntryBytes + name, extra),
                  LittleEndian(zip_, at + 24, 4) == 0xffffffff, &size, &begin);
      begin += directory.shift;
      if (begin >= directory.begin || size > directory.begin - begin) break;
      members.emplace_back(begin, begin + kMemberBytes + name + size);
      at = next;
    }
    // Old writers count to 65,535 and begin again.
    if (members.size() % 65536 != directory.entries % 65536) {
      return Damaged(absl::StrCat("the directory of the zip is damaged behind ", members.size(),
                                  " of ", directory.entries, " members"));
    }
    return members;
  }

  // Numbers that do not fit into the entry.
  static void ReadExtra64(absl::string_view extra, bool has_size, uint64_t* packed,
                          uint64_t* begin) {
    while (extra.size() >= 4) {
      const size_t size = LittleEndian(extra, 2, 2);
      absl::string_view field = extra.substr(4, size);
      if (LittleEndian(extra, 0, 2) == kExtra64) {
        if (has_size && field.size() >= 8) field.remove_prefix(8);
        for (uint64_t* value : {packed, begin}) {
          if (*value != 0xffffffff || field.size() < 8) continue;
          *value = LittleEndian(field, 0, 8);
          field.remove_prefix(8);
        }
        return;
      }
      extra.remove_prefix(std::min(extra.size(), 4 + size));
    }
  }

  absl::Status CheckNoMember(uint64_t begin, uint64_t end) const {
    const std::string member = FirstMember(zip_.substr(begin, end - begin));
    if (member.empty()) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat(
        name_, ": the directory of the zip does not name all members, not '", EscapedName(member),
        "' for one (were several zips joined?): give each zip by itself, or pack it again"));
  }

  const absl::string_view zip_;
  const std::string& name_;
  Tally* const tally_;
};

}  // namespace

absl::Status CheckZip(const std::string& path, const std::string& name, Tally* tally) {
  CASSLE_ASSIGN_OR_RETURN(const std::shared_ptr<MappedFile> file, MapFile(path));
  return ZipCheck(file->bytes(), name, tally).Run();
}

}  // namespace cassle
