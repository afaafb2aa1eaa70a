#include "cassle/eval/embeddings/npz_writer.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

std::string Header(const std::string& descr, const std::vector<int64_t>& shape) {
  // (3,) of one dimension.
  std::string text = absl::StrCat("{'descr': '", descr, "', 'fortran_order': False, 'shape': (",
                                  absl::StrJoin(shape, ", "), shape.size() == 1 ? ",), }" : "), }");
  constexpr size_t kBefore = 10, kAlignment = 64;
  const size_t length = (kBefore + text.size() + 1 + kAlignment - 1) / kAlignment * kAlignment;
  text.resize(length - kBefore - 1, ' ');
  text += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(text.size() & 0xFF);
  header += static_cast<char>(text.size() >> 8);
  return header + text;
}

// The code points of UTF-8; a byte that is no UTF-8 stands for itself.
std::u32string CodePoints(const std::string& text) {
  std::u32string points;
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<uint8_t>(text[i++]);
    int more = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : byte >= 0xC0 ? 1 : 0;
    char32_t point = more == 0 ? byte : byte & (0x3F >> more);
    for (; more > 0 && i < text.size(); --more) {
      point = point << 6 | (static_cast<uint8_t>(text[i++]) & 0x3F);
    }
    points += point;
  }
  return points;
}

std::string DescrOf(DType dtype) {
  return dtype == DType::kF32 ? "<f4" : dtype == DType::kI64 ? "<i8" : "|u1";
}

la_ssize_t AppendToFile(struct archive* archive, void* file, const void* bytes, size_t size) {
  const absl::Status status =
      static_cast<FileWriter*>(file)->Append({static_cast<const char*>(bytes), size});
  if (status.ok()) return static_cast<la_ssize_t>(size);
  archive_set_error(archive, ARCHIVE_FATAL, "%s", std::string(status.message()).c_str());
  return -1;
}

}  // namespace

absl::StatusOr<std::unique_ptr<NpzWriter>> NpzWriter::Open(const std::string& path) {
  std::unique_ptr<NpzWriter> writer(new NpzWriter);
  writer->path_ = path;
  CASSLE_ASSIGN_OR_RETURN(writer->file_, FileWriter::Open(path));
  ::archive* const archive = archive_write_new();
  writer->archive_ = archive;
  if (archive_write_set_format_zip(archive) != ARCHIVE_OK ||
      archive_write_set_options(archive, "zip:compression=store") != ARCHIVE_OK ||
      archive_write_set_bytes_in_last_block(archive, 1) != ARCHIVE_OK ||
      archive_write_open(archive, writer->file_.get(), nullptr, AppendToFile, nullptr) !=
          ARCHIVE_OK) {
    return writer->Failed();
  }
  return writer;
}

NpzWriter::~NpzWriter() {
  if (archive_ != nullptr) archive_write_free(archive_);
}

absl::Status NpzWriter::Failed() const {
  const char* reason = archive_error_string(archive_);
  return absl::ResourceExhaustedError(
      absl::StrCat("cannot write ", path_, ": ", reason == nullptr ? "unknown reason" : reason));
}

absl::Status NpzWriter::AddMember(const std::string& name, const std::string& descr,
                                  const std::vector<int64_t>& shape, absl::string_view values) {
  const std::string header = Header(descr, shape);
  struct archive_entry* entry = archive_entry_new();
  archive_entry_set_pathname(entry, absl::StrCat(name, ".npy").c_str());
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_entry_set_perm(entry, 0644);
  archive_entry_set_size(entry, static_cast<int64_t>(header.size() + values.size()));
  // No clock: before the first day that zip knows, which then stands for it in every time zone
  // (zip's times are local).
  archive_entry_set_mtime(entry, 0, 0);
  // In a locale that has all letters the name is marked as UTF-8, else NumPy takes it for letters
  // of the first PCs. (locale_t)0 leaves the thread's locale as it is.
  static const locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  const locale_t before = uselocale(utf8);
  const int begun = archive_write_header(archive_, entry);
  uselocale(before);
  archive_entry_free(entry);
  if (begun != ARCHIVE_OK) return Failed();
  for (const absl::string_view bytes : {absl::string_view(header), values}) {
    if (archive_write_data(archive_, bytes.data(), bytes.size()) !=
        static_cast<la_ssize_t>(bytes.size())) {
      return Failed();
    }
  }
  return absl::OkStatus();
}

absl::Status NpzWriter::Add(const std::string& name, const TensorView& tensor) {
  return AddMember(name, DescrOf(tensor.dtype), tensor.shape, tensor.bytes);
}

absl::Status NpzWriter::AddTexts(const std::string& name, const std::vector<std::string>& texts) {
  std::vector<std::u32string> decoded;
  // '<U0' is none.
  size_t longest = 1;
  for (const std::string& text : texts) {
    decoded.push_back(CodePoints(text));
    longest = std::max(longest, decoded.back().size());
  }
  std::u32string values;
  for (std::u32string& points : decoded) {
    points.resize(longest, U'\0');
    values += points;
  }
  return AddMember(name, absl::StrCat("<U", longest), {static_cast<int64_t>(texts.size())},
                   {reinterpret_cast<const char*>(values.data()), values.size() * 4});
}

absl::Status NpzWriter::Close() {
  if (archive_write_close(archive_) != ARCHIVE_OK) return Failed();
  archive_write_free(archive_);
  archive_ = nullptr;
  return file_->Close();
}

}  // namespace cassle
