// Embeddings for programs that read no safetensors: one more file beside embeddings.safetensors,
// made of that and of images.safetensors.
//
//   embeddings.npz   NumPy: features [n, d], ids [n], keys [n] (the images' names), labels,
//                    target.NAME; classes and classes.NAME, the names of the classes
//   embeddings.csv   a line for each row: image, id, label, NAME (or NAME_0, NAME_1, ...), f0, f1,
//                    ...; classes by name, empty where an image has none; numbers read back exactly
#ifndef CASSLE_EVAL_EMBEDDINGS_EMBEDDING_EXPORT_H_
#define CASSLE_EVAL_EMBEDDINGS_EMBEDDING_EXPORT_H_

#include <string>

#include "absl/status/status.h"

namespace cassle {

// folder: has both files of safetensors, complete or not.
// \error kDataLoss for files that are not as embeddings.h and pictures.h say; kResourceExhausted.
absl::Status WriteEmbeddingsNpz(const std::string& folder);
absl::Status WriteEmbeddingsCsv(const std::string& folder);

}  // namespace cassle

#endif  // CASSLE_EVAL_EMBEDDINGS_EMBEDDING_EXPORT_H_
