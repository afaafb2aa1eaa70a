// Queries and what was found for them, as a picture and as a page.
//
//   query | nearest, second, ...      framed green where the neighbour has the query's class,
//   query | ...                       vermilion where not, gray where nobody knows; below each its
//                                     class or name, and similarity
#ifndef CASSLE_EVAL_ON_EMBEDDINGS_RETRIEVAL_GRID_H_
#define CASSLE_EVAL_ON_EMBEDDINGS_RETRIEVAL_GRID_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/base/file.h"
#include "cassle/data/images/image.h"

namespace cassle {

// An image of a grid; `image` fits into kGridCell.
struct GridImage {
  // "image 17", or the name of its file.
  std::string name;
  // What stands below it: its class, or again its name.
  std::string caption;
  // Has the class of the query; nothing: nobody knows.
  std::optional<bool> right;
  // With the query.
  float similarity = 0;
  RgbImage image;
};

struct GridRow {
  GridImage query;
  // Nearest first.
  std::vector<GridImage> neighbors;
};

// Pixels of an image's longer side.
constexpr int kGridCell = 96;

// rows: at least one, all with equally many neighbours.
RgbImage DrawRetrievalGrid(const std::string& title, const std::vector<GridRow>& rows);

// Writes a page that needs no network and runs no script, row by row.
class RetrievalPage {
 public:
  //   explanation  a sentence below the title.
  // \error as FileWriter (cassle/base/file.h), also of what follows.
  static absl::StatusOr<RetrievalPage> Open(const std::string& path, const std::string& title,
                                            const std::string& explanation);
  // \error kInvalidArgument for an image without pixels.
  absl::Status Add(const GridRow& row);
  absl::Status Close();
  // So far.
  int64_t bytes() const { return file_->size(); }

 private:
  explicit RetrievalPage(std::unique_ptr<FileWriter> file) : file_(std::move(file)) {}

  std::unique_ptr<FileWriter> file_;
};

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_EMBEDDINGS_RETRIEVAL_GRID_H_
