#include "cassle/data/sources/tables/mat_table.h"

#include <matio.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

struct MatCloser {
  void operator()(mat_t* file) const { Mat_Close(file); }
  void operator()(matvar_t* variable) const { Mat_VarFree(variable); }
};

size_t NumElements(const matvar_t& variable) {
  size_t count = 1;
  for (int i = 0; i < variable.rank; ++i) count *= variable.dims[i];
  return count;
}

template <typename T>
std::string NumberAt(const matvar_t& variable, size_t index) {
  const T value = static_cast<const T*>(variable.data)[index];
  if constexpr (std::is_integral_v<T>) {
    return std::to_string(value);
  } else {
    // Names of files may be numbers of more than nine digits.
    return absl::StrFormat(std::trunc(value) == value && std::abs(value) < 1e15 ? "%.0f" : "%.9g",
                           value);
  }
}

// One number of an array; empty for what is no array of real numbers.
std::string ElementText(const matvar_t& variable, size_t index) {
  if (variable.data == nullptr || variable.isComplex != 0) return "";
  switch (variable.class_type) {
    case MAT_C_DOUBLE:
      return NumberAt<double>(variable, index);
    case MAT_C_SINGLE:
      return NumberAt<float>(variable, index);
    case MAT_C_INT8:
      return NumberAt<int8_t>(variable, index);
    case MAT_C_UINT8:
      return NumberAt<uint8_t>(variable, index);
    case MAT_C_INT16:
      return NumberAt<int16_t>(variable, index);
    case MAT_C_UINT16:
      return NumberAt<uint16_t>(variable, index);
    case MAT_C_INT32:
      return NumberAt<int32_t>(variable, index);
    case MAT_C_UINT32:
      return NumberAt<uint32_t>(variable, index);
    case MAT_C_INT64:
      return NumberAt<int64_t>(variable, index);
    case MAT_C_UINT64:
      return NumberAt<uint64_t>(variable, index);
    default:
      return "";
  }
}

// A string, or the first number of an array.
std::string ValueText(const matvar_t* variable) {
  if (variable == nullptr || NumElements(*variable) == 0 || variable->data == nullptr) return "";
  if (variable->class_type != MAT_C_CHAR) return ElementText(*variable, 0);
  std::string text;
  for (size_t i = 0; i < NumElements(*variable); ++i) {
    // Names of files and classes are ASCII, also where letters have two bytes.
    text.push_back(static_cast<const char*>(variable->data)[i * variable->data_size]);
  }
  return text;
}

// The fields of row `index`, from 0.
std::vector<std::string> Fields(matvar_t* variable, size_t index, size_t width) {
  std::vector<std::string> fields = {absl::StrCat(index + 1)};
  if (variable->class_type == MAT_C_CELL) {
    fields.push_back(ValueText(Mat_VarGetCell(variable, static_cast<int>(index))));
  } else if (variable->class_type == MAT_C_STRUCT) {
    for (size_t field = 0; field < Mat_VarGetNumberOfFields(variable); ++field) {
      fields.push_back(ValueText(Mat_VarGetStructFieldByIndex(variable, field, index)));
    }
  } else {
    for (size_t i = 0; i < width; ++i) {
      fields.push_back(ElementText(*variable, index * width + i));
    }
  }
  return fields;
}

absl::Status DamagedError(const std::string& path) {
  return absl::DataLossError(
      absl::StrCat(path, ": the MATLAB file is cut short or damaged: get it again"));
}

// What lies beyond the end of a file of version 5 the library takes for zeros. It is a header of
// 128 bytes, which ends in its version and "IM" (little endian) or "MI", and elements:
//   type uint32 | size uint32 | bytes, padded to a multiple of 8 unless compressed (type 15)
absl::Status CheckIsWhole(const std::string& path) {
  CASSLE_ASSIGN_OR_RETURN(const std::shared_ptr<MappedFile> file, MapFile(path));
  const absl::string_view bytes = file->bytes();
  const size_t header = 128;
  if (bytes.size() < header) return absl::OkStatus();
  const absl::string_view version = bytes.substr(header - 4, 4);
  const bool little = version == absl::string_view("\0\1IM", 4);
  if (!little && version != absl::string_view("\1\0MI", 4)) return absl::OkStatus();
  const auto number = [&](size_t at) {
    uint32_t value = 0;
    for (int i = 0; i < 4; ++i) {
      value |= static_cast<uint32_t>(static_cast<uint8_t>(bytes[at + i]))
               << (8 * (little ? i : 3 - i));
    }
    return value;
  };
  size_t at = header;
  while (at < bytes.size()) {
    if (bytes.size() - at < 8 || number(at + 4) > bytes.size() - at - 8) return DamagedError(path);
    const bool compressed = number(at) == 15;
    const size_t size = number(at + 4);
    at += 8 + (compressed ? size : (size + 7) / 8 * 8);
  }
  return absl::OkStatus();
}

// Set by the library's complaints about the last read; without this they stand on the terminal.
thread_local bool complained = false;

void NoteComplaint(int level, char* message) {
  // Of a warning only this: others are about variables that nobody asks for.
  complained |= level <= (MATIO_LOG_LEVEL_CRITICAL) || absl::StrContains(message, "EOF");
}

}  // namespace

absl::StatusOr<std::vector<ListRow>> ReadMatTable(const std::string& path,
                                                  const std::string& variable_name) {
  const auto size = FileSize(path);
  if (!size.ok()) return size.status();
  CASSLE_RETURN_IF_ERROR(CheckIsWhole(path));
  Mat_LogInitFunc("", NoteComplaint);
  const std::unique_ptr<mat_t, MatCloser> file(Mat_Open(path.c_str(), MAT_ACC_RDONLY));
  if (file == nullptr) return absl::DataLossError(absl::StrCat(path, ": it is no MATLAB file"));
  complained = false;
  const std::unique_ptr<matvar_t, MatCloser> variable(
      Mat_VarRead(file.get(), variable_name.c_str()));
  if (variable == nullptr || variable->rank < 1) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": it has no variable '", variable_name, "' that can be read"));
  }
  if (complained) return DamagedError(path);
  const bool listed = variable->class_type == MAT_C_CELL || variable->class_type == MAT_C_STRUCT;
  const size_t elements = NumElements(*variable);
  const size_t last = variable->dims[variable->rank - 1];
  // A vector has a row per element, whichever way it lies.
  const bool vector = variable->rank == 2 && (variable->dims[0] == 1 || last == 1);
  const size_t rows = listed || vector ? elements : last;
  std::vector<ListRow> table;
  for (size_t i = 0; i < rows; ++i) {
    table.push_back({absl::StrCat(path, ":", variable_name, "(", i + 1, ")"),
                     Fields(variable.get(), i, elements / rows),
                     {}});
  }
  return table;
}

}  // namespace cassle
