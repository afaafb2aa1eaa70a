#include "cassle/data/images/formats/heif_references.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

// An identity of an identity of a grid of tiles with alpha: more has no use, though the standard
// sets no bound. Files of cameras have 1 step (a grid of tiles) or 2 (its auxiliary grid).
constexpr size_t kMostSteps = 4;
// A file names each tile once. What it names again is decoded again: a few bytes could ask for
// hours. Some room for a blank tile in several places.
constexpr int kMostRepeats = 64;

// The big-endian number of `size` bytes in front, which are taken away; nothing if they are fewer.
std::optional<uint64_t> TakeNumber(size_t size, absl::string_view* bytes) {
  if (bytes->size() < size) return std::nullopt;
  uint64_t number = 0;
  for (const char byte : bytes->substr(0, size)) number = number << 8 | static_cast<uint8_t>(byte);
  bytes->remove_prefix(size);
  return number;
}

struct BoxHeader {
  absl::string_view type;
  uint64_t size = 0;  // with the header; 0: to the end
};

// ISO/IEC 14496-12, 4.2: 32 bits of size, four letters, 64 bits of size if the first are 1.
std::optional<BoxHeader> TakeBoxHeader(absl::string_view* bytes) {
  const std::optional<uint64_t> size = TakeNumber(4, bytes);
  if (!size.has_value() || bytes->size() < 4) return std::nullopt;
  BoxHeader header = {bytes->substr(0, 4), *size};
  bytes->remove_prefix(4);
  if (header.size == 1) {
    const std::optional<uint64_t> large_size = TakeNumber(8, bytes);
    if (!large_size.has_value()) return std::nullopt;
    header.size = *large_size;
  }
  if (header.type == "uuid") {
    if (bytes->size() < 16) return std::nullopt;
    bytes->remove_prefix(16);
  }
  return header;
}

struct Box {
  absl::string_view type;
  absl::string_view content;
};

// Nothing at the end, and where a box does not fit: there libheif stops too.
std::optional<Box> TakeBox(absl::string_view* bytes) {
  const uint64_t left = bytes->size();
  const std::optional<BoxHeader> header = TakeBoxHeader(bytes);
  if (!header.has_value()) return std::nullopt;
  const uint64_t header_size = left - bytes->size();
  const uint64_t size = header->size == 0 ? left : header->size;
  if (size < header_size || size > left) return std::nullopt;
  const Box box = {header->type, bytes->substr(0, size - header_size)};
  bytes->remove_prefix(box.content.size());
  return box;
}

// The version of a "full" box; its flags are taken away with it.
std::optional<uint64_t> TakeVersion(absl::string_view* bytes) {
  std::optional<uint64_t> word = TakeNumber(4, bytes);
  if (word.has_value()) *word >>= 24;
  return word;
}

// What one `meta` box says of its items.
struct Items {
  std::map<uint32_t, absl::string_view> types;
  std::map<uint32_t, std::vector<uint32_t>> parts;  // by `dimg`
  std::map<uint32_t, std::vector<uint32_t>> auxiliaries;
};

void ReadItemTypes(absl::string_view iinf, Items* items) {
  const std::optional<uint64_t> version = TakeVersion(&iinf);
  if (!version.has_value() || TakeNumber(*version == 0 ? 2 : 4, &iinf).value_or(0) == 0) return;
  while (std::optional<Box> box = TakeBox(&iinf)) {
    if (box->type != "infe") continue;
    const std::optional<uint64_t> infe_version = TakeVersion(&box->content);
    const std::optional<uint64_t> id =
        TakeNumber(infe_version.value_or(0) > 2 ? 4 : 2, &box->content);
    if (!infe_version.has_value() || !id.has_value()) return;
    // Behind the index of its protection; before version 2 there are no types.
    box->content.remove_prefix(std::min<size_t>(2, box->content.size()));
    items->types.emplace(  // the first counts, as for libheif
        *id, *infe_version < 2 ? absl::string_view() : box->content.substr(0, 4));
  }
}

void ReadReferences(absl::string_view iref, Items* items) {
  const std::optional<uint64_t> version = TakeVersion(&iref);
  if (!version.has_value()) return;
  const size_t id_size = *version == 0 ? 2 : 4;
  // As libheif does: the count says where a reference ends, not the size in its header.
  while (const std::optional<BoxHeader> header = TakeBoxHeader(&iref)) {
    const std::optional<uint64_t> from = TakeNumber(id_size, &iref);
    const std::optional<uint64_t> count = TakeNumber(2, &iref);
    if (!from.has_value() || !count.has_value()) return;
    for (uint64_t i = 0; i < *count; ++i) {
      const std::optional<uint64_t> to = TakeNumber(id_size, &iref);
      if (!to.has_value()) return;
      if (header->type == "dimg") items->parts[*from].push_back(*to);
      if (header->type == "auxl") items->auxiliaries[*to].push_back(*from);
    }
  }
}

Items ReadItems(absl::string_view meta) {
  Items items;
  bool types_read = false;
  if (!TakeVersion(&meta).has_value()) return items;
  while (const std::optional<Box> box = TakeBox(&meta)) {
    if (box->type == "iref") ReadReferences(box->content, &items);
    if (box->type == "iinf" && !types_read) {
      ReadItemTypes(box->content, &items);
      types_read = true;
    }
  }
  return items;
}

absl::string_view TypeOf(uint32_t item, const Items& items) {
  const auto found = items.types.find(item);
  return found == items.types.end() ? absl::string_view() : found->second;
}

// As libheif 1.15 sees it, which may not be asked for any other.
bool IsPicture(uint32_t item, const Items& items) {
  constexpr std::array<absl::string_view, 6> kTypes = {"hvc1", "grid", "iden",
                                                       "iovl", "av01", "vvc1"};
  return std::find(kTypes.begin(), kTypes.end(), TypeOf(item, items)) != kTypes.end();
}

// Goes the way that decoding goes, and turns back where that would not end or end too late.
class Walk {
 public:
  explicit Walk(const Items& items) : items_(items) {}

  absl::Status Visit(uint32_t item) {
    if (std::find(path_.begin(), path_.end(), item) != path_.end()) {
      return absl::DataLossError(absl::StrCat("its item ", item, " is made of itself"));
    }
    if (path_.size() > kMostSteps) {
      return absl::DataLossError(absl::StrCat(
          "its item ", path_.front(), " is made of others in more than ", kMostSteps, " steps"));
    }
    if (!seen_.insert(item).second && ++repeats_ > kMostRepeats) {
      return absl::DataLossError(absl::StrCat(
          "its item ", path_.front(), " repeats others more than ", kMostRepeats, " times"));
    }
    if (TypeOf(item, items_) == "iovl") {
      return absl::DataLossError(
          absl::StrCat("its item ", item, " is an overlay, which is not read"));
    }
    path_.push_back(item);
    if (const auto parts = items_.parts.find(item); parts != items_.parts.end()) {
      for (const uint32_t part : parts->second) {
        if (!IsPicture(part, items_)) {
          return absl::DataLossError(
              absl::StrCat("its item ", item, " is made of item ", part, ", which is no picture"));
        }
        if (TypeOf(item, items_) == "grid" && items_.auxiliaries.count(part) > 0) {
          return absl::DataLossError(
              absl::StrCat("its tile ", part, " has a transparency of its own, which is not read"));
        }
        CASSLE_RETURN_IF_ERROR(Visit(part));
      }
    }
    if (const auto auxiliaries = items_.auxiliaries.find(item);
        auxiliaries != items_.auxiliaries.end()) {
      for (const uint32_t auxiliary : auxiliaries->second) CASSLE_RETURN_IF_ERROR(Visit(auxiliary));
    }
    path_.pop_back();
    return absl::OkStatus();
  }

 private:
  const Items& items_;
  std::vector<uint32_t> path_;
  std::set<uint32_t> seen_;
  int repeats_ = 0;
};

}  // namespace

absl::Status CheckHeifReferences(absl::string_view file_bytes, uint32_t primary_item) {
  // Which of several `meta` boxes libheif takes depends on how far it can read them.
  while (const std::optional<Box> box = TakeBox(&file_bytes)) {
    if (box->type != "meta") continue;
    const Items items = ReadItems(box->content);
    if (IsPicture(primary_item, items)) CASSLE_RETURN_IF_ERROR(Walk(items).Visit(primary_item));
  }
  return absl::OkStatus();
}

}  // namespace cassle
