#include "cassle/data/sources/tables/mat_table.h"

#include <matio.h>

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/base/file.h"

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
  return absl::StrFormat("%.9g", static_cast<double>(static_cast<const T*>(variable.data)[index]));
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

}  // namespace

absl::StatusOr<std::vector<ListRow>> ReadMatTable(const std::string& path,
                                                  const std::string& variable_name) {
  const auto size = FileSize(path);
  if (!size.ok()) return size.status();
  // The library would write its complaints to the terminal.
  Mat_LogInitFunc("", [](int, char*) {});
  const std::unique_ptr<mat_t, MatCloser> file(Mat_Open(path.c_str(), MAT_ACC_RDONLY));
  if (file == nullptr) return absl::DataLossError(absl::StrCat(path, ": it is no MATLAB file"));
  const std::unique_ptr<matvar_t, MatCloser> variable(
      Mat_VarRead(file.get(), variable_name.c_str()));
  if (variable == nullptr || variable->rank < 1) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": it has no variable '", variable_name, "' that can be read"));
  }
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
