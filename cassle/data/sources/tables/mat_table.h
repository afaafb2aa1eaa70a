// The MATLAB part of list_table.h.
#ifndef CASSLE_DATA_SOURCES_TABLES_MAT_TABLE_H_
#define CASSLE_DATA_SOURCES_TABLES_MAT_TABLE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/data/sources/tables/list_table.h"

namespace cassle {

absl::StatusOr<std::vector<ListRow>> ReadMatTable(const std::string& path,
                                                  const std::string& variable);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_TABLES_MAT_TABLE_H_
