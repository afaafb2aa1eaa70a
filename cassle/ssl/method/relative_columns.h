// Which columns of View.relative belong to whom: AugSelf, EquiMod and methods that compare two
// views each read groups of their own of one relative descriptor.
#ifndef CASSLE_SSL_METHOD_RELATIVE_COLUMNS_H_
#define CASSLE_SSL_METHOD_RELATIVE_COLUMNS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/ssl/method/method.h"

namespace cassle {

class RelativeColumns {
 public:
  // The columns of `groups`, in the order of `all`.
  // \error kInvalidArgument for a group that `all` does not have.
  static absl::StatusOr<RelativeColumns> Find(const std::vector<RelativeGroup>& all,
                                              const std::vector<std::string>& groups);

  // relative [B, R] -> [B, size()], the same tensor where these are all columns of it. Throws
  // c10::Error if it is missing or has another number of columns than `all`.
  at::Tensor Of(const at::Tensor& relative) const;

  int64_t size() const { return size_; }

 private:
  struct Group {
    int64_t first;
    int64_t count;
  };
  std::vector<Group> groups_;
  int64_t size_ = 0;
  int64_t total_ = 0;
};

}  // namespace cassle

#endif  // CASSLE_SSL_METHOD_RELATIVE_COLUMNS_H_
