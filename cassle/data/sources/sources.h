// The table of input layouts, and the detection of the right one.
#ifndef CASSLE_DATA_SOURCES_SOURCES_H_
#define CASSLE_DATA_SOURCES_SOURCES_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cassle/data/sources/source.h"
#include "cassle/data/sources/source.pb.h"

namespace cassle {

// Opens what arguments.inputs name. DETECT goes by the first input's names, and by the images where
// they speak for several layouts (layout_choice.h); a layout that is given is not questioned.
// Splits, order and keys depend on the content only.
// \error kNotFound if an input is missing; kInvalidArgument if none is named or the layout cannot
// be told (the message lists the layouts); kFailedPrecondition or kDataLoss, naming the file, if
// the content is not as the layout wants it.
absl::StatusOr<std::unique_ptr<ImageSource>> OpenSource(v1::DatasetLayout::Source source,
                                                        const SourceArguments& arguments,
                                                        std::string* layout_name);

// Implementations; each file documents its layout.
absl::StatusOr<std::unique_ptr<ImageSource>> OpenFolderSource(const SourceArguments& arguments);
absl::StatusOr<std::unique_ptr<ImageSource>> OpenArchiveSource(const SourceArguments& arguments);
absl::StatusOr<std::unique_ptr<ImageSource>> OpenCifar10Source(const SourceArguments& arguments);
absl::StatusOr<std::unique_ptr<ImageSource>> OpenCifar100Source(const SourceArguments& arguments);
absl::StatusOr<std::unique_ptr<ImageSource>> OpenStl10Source(const SourceArguments& arguments);
absl::StatusOr<std::unique_ptr<ImageSource>> OpenIdxSource(const SourceArguments& arguments);
absl::StatusOr<std::unique_ptr<ImageSource>> OpenCsvSource(const SourceArguments& arguments);
absl::StatusOr<std::unique_ptr<ImageSource>> OpenShapesSource(const SourceArguments& arguments);
absl::StatusOr<std::unique_ptr<ImageSource>> OpenListSource(const SourceArguments& arguments);

// Is the name that of a table (.csv, .tsv), by its ending?
bool IsTableName(const std::string& name);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_SOURCES_H_
