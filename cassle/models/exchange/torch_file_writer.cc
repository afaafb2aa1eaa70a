#include "cassle/models/exchange/torch_file_writer.h"

#include <isa-l/crc.h>

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/exchange/pickle_opcodes.h"

namespace cassle {
namespace {

constexpr size_t kAlignment = 64;
// Without the zip64 extension.
constexpr uint64_t kMaxFileBytes = 0xffffffff;
constexpr size_t kMaxRecords = 0xffff;
// 1 January 1980, the first that zip knows.
constexpr uint16_t kDate = 1 << 5 | 1;

constexpr char kEmptyOrderedDict[] = "ccollections\nOrderedDict\n)R";

// _rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks)
void AppendTensor(const WeightArray& array, const std::string& key, std::string* out) {
  const int64_t elements = static_cast<int64_t>(array.bytes.size()) / DTypeSize(array.dtype);
  std::vector<int64_t> strides(array.shape.size(), 1);
  for (size_t i = strides.size(); i > 1; --i) strides[i - 2] = strides[i - 1] * array.shape[i - 1];
  absl::StrAppend(out, "ctorch._utils\n_rebuild_tensor_v2\n((");
  AppendText("storage", out);
  absl::StrAppend(out,
                  array.dtype == DType::kI64 ? "ctorch\nLongStorage\n" : "ctorch\nFloatStorage\n");
  AppendText(key, out);
  AppendText("cpu", out);
  AppendInteger(elements, out);
  absl::StrAppend(out, "tQ");
  AppendInteger(0, out);
  AppendTuple(array.shape, out);
  AppendTuple(strides, out);
  absl::StrAppend(out, "\x89", kEmptyOrderedDict, "tR");
}

std::string PickleOf(const std::vector<WeightArray>& arrays) {
  std::string pickle = absl::StrCat("\x80\x02", kEmptyOrderedDict, "(");
  for (size_t i = 0; i < arrays.size(); ++i) {
    AppendText(arrays[i].name, &pickle);
    AppendTensor(arrays[i], absl::StrCat(i), &pickle);
  }
  return absl::StrCat(pickle, "u.");
}

// A zip archive of stored records.
class ZipWriter {
 public:
  explicit ZipWriter(FileWriter* file) : file_(file) {}

  absl::Status Add(const std::string& name, absl::string_view bytes) {
    // Local header, name, then an extra field that fills up to the alignment.
    constexpr size_t kHeader = 30, kExtraHeader = 4;
    const uint64_t start = static_cast<uint64_t>(file_->size());
    const uint64_t unpadded = start + kHeader + name.size() + kExtraHeader;
    const size_t padding = (kAlignment - unpadded % kAlignment) % kAlignment;
    if (unpadded + padding + bytes.size() > kMaxFileBytes || ++records_ > kMaxRecords) {
      return absl::InvalidArgumentError(
          "the weights are too large for this format (4 GiB); write safetensors instead");
    }
    const std::string common = Common(bytes);
    std::string local = "PK\x03\x04";
    absl::StrAppend(&local, common);
    AppendNumber<uint16_t>(static_cast<uint16_t>(name.size()), &local);
    AppendNumber<uint16_t>(static_cast<uint16_t>(kExtraHeader + padding), &local);
    absl::StrAppend(&local, name, "FB");
    AppendNumber<uint16_t>(static_cast<uint16_t>(padding), &local);
    local.append(padding, 'Z');
    CASSLE_RETURN_IF_ERROR(file_->Append(local));
    CASSLE_RETURN_IF_ERROR(file_->Append(bytes));

    absl::StrAppend(&directory_, "PK\x01\x02");
    AppendNumber<uint16_t>(kVersion, &directory_);
    absl::StrAppend(&directory_, common);
    AppendNumber<uint16_t>(static_cast<uint16_t>(name.size()), &directory_);
    // No extra field, no comment, first disk, attributes.
    directory_.append(2 + 2 + 2 + 2 + 4, '\0');
    AppendNumber<uint32_t>(static_cast<uint32_t>(start), &directory_);
    absl::StrAppend(&directory_, name);
    return absl::OkStatus();
  }

  absl::Status Finish() {
    const int64_t start = file_->size();
    if (static_cast<uint64_t>(start) + directory_.size() > kMaxFileBytes) {
      return absl::InvalidArgumentError(
          "the weights are too large for this format (4 GiB); write safetensors instead");
    }
    std::string end = absl::StrCat(directory_, "PK\x05\x06");
    end.append(2 + 2, '\0');
    AppendNumber<uint16_t>(static_cast<uint16_t>(records_), &end);
    AppendNumber<uint16_t>(static_cast<uint16_t>(records_), &end);
    AppendNumber<uint32_t>(static_cast<uint32_t>(directory_.size()), &end);
    AppendNumber<uint32_t>(static_cast<uint32_t>(start), &end);
    end.append(2, '\0');
    return file_->Append(end);
  }

 private:
  static constexpr uint16_t kVersion = 20;

  // Version needed, flags, method, time, date, checksum, packed and plain size.
  static std::string Common(absl::string_view bytes) {
    std::string header;
    AppendNumber<uint16_t>(kVersion, &header);
    header.append(2 + 2 + 2, '\0');
    AppendNumber<uint16_t>(kDate, &header);
    AppendNumber<uint32_t>(
        crc32_gzip_refl(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()),
        &header);
    AppendNumber<uint32_t>(static_cast<uint32_t>(bytes.size()), &header);
    AppendNumber<uint32_t>(static_cast<uint32_t>(bytes.size()), &header);
    return header;
  }

  FileWriter* file_;
  std::string directory_;
  size_t records_ = 0;
};

}  // namespace

absl::Status WriteTorchFile(const std::string& path, const std::vector<WeightArray>& arrays,
                            const std::map<std::string, std::string>& metadata) {
  CASSLE_ASSIGN_OR_RETURN(const std::unique_ptr<FileWriter> file, FileWriter::Open(path));
  ZipWriter zip(file.get());
  CASSLE_RETURN_IF_ERROR(zip.Add("archive/data.pkl", PickleOf(arrays)));
  for (size_t i = 0; i < arrays.size(); ++i) {
    CASSLE_RETURN_IF_ERROR(zip.Add(absl::StrCat("archive/data/", i), arrays[i].bytes));
  }
  CASSLE_RETURN_IF_ERROR(zip.Add("archive/version", "3\n"));
  for (const auto& [key, text] : metadata) {
    CASSLE_RETURN_IF_ERROR(zip.Add(absl::StrCat("archive/metadata/", key), text));
  }
  CASSLE_RETURN_IF_ERROR(zip.Finish());
  return file->Close();
}

}  // namespace cassle
