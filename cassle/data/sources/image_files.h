// The image files below a folder, for layouts that take what they find there.
#ifndef CASSLE_DATA_SOURCES_IMAGE_FILES_H_
#define CASSLE_DATA_SOURCES_IMAGE_FILES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cassle/data/sources/source.h"

namespace cassle {

// What operating systems and tools leave behind and nobody means to read: hidden files and folders,
// __MACOSX, Thumbs.db, desktop.ini, ... `name` is no path.
bool IsLeftover(const std::string& name);

// Phrases of the tally.
inline constexpr char kLeftovers[] = "hidden files and leftovers of systems skipped";
inline constexpr char kLeftOut[] = "files and folders left out as asked";
inline constexpr char kLinkLoops[] = "link loops not followed: links to a folder above them";
inline constexpr char kSpecialFiles[] = "pipes, sockets and devices skipped";
inline constexpr char kNoImages[] = "files that are not named as images skipped";
inline constexpr char kNamedAsNothing[] =
    "images without an image's ending read: the content decides";

// The ending of a path's name in lower case, without its dot; empty if there is none.
std::string ExtensionOf(absl::string_view path);

// Is a file's name that of an archive (tar, zip), by its ending?
bool IsArchiveName(const std::string& name);

// "train-0" of train-0.tar.gz, train-0.tgz, ...; empty if the name is not that of a tar.
absl::string_view WithoutTarEnding(absl::string_view name);

// May a file that is no image hold the labels of others, by its name?
bool MayHoldLabels(const std::string& name);

// Counts a file that is not read, by its ending, unless an option names it.
//   path  leads to it
//   name  how the tally calls it, escaped
void CountUnread(absl::string_view phrase, const std::string& path, const std::string& name,
                 const SourceArguments& arguments);

// Does the name not say what the file is? It has no ending, or a number (IMG.0001).
bool NameSaysNothing(absl::string_view path);

// Is a file below `root` an image: by its name or, if that says nothing, by its first bytes?
bool IsImageFile(const std::string& root, const std::string& name);

// Relative to the folder that was listed, sorted by bytes.
struct ImageFiles {
  std::vector<std::string> images;
  std::vector<std::string> folders;
};

// What to do with files that are named neither as images nor as leftovers.
enum class OtherFiles { kCount, kIgnore };

// Lists images below `root` (IsImageFile), links followed. Counts in arguments.tally, with names
// that start with `prefix`, what is left out: leftovers, other files, loops of links, pipes, and
// what arguments.leave_out says. A broken link with the name of an image is an image, which then
// cannot be read.
// \error kNotFound naming a folder that cannot be read; kCancelled if arguments.interrupted.
absl::StatusOr<ImageFiles> ListImageFiles(const std::string& root, const std::string& prefix,
                                          const SourceArguments& arguments, OtherFiles others);

// The folder, with its slash, that follows the first `skipped` bytes of all paths: "b/" of
// a/b/1.png and a/b/c/2.png after "a/"; empty if there are several, or none.
std::string OnlyFolder(const std::vector<std::string>& images, size_t skipped = 0);

// The folders "photos/photos/" in which all images lie, each in one of several further folders:
// what stands above the classes when an archive was unpacked one level too deep. Empty if there are
// none.
std::string FoldersAboveClasses(const std::vector<std::string>& images);

// The part of a path before its first slash; empty if there is none.
absl::string_view FirstFolder(absl::string_view path);

// "cat/1.png" of cat/train/1.png. The path has two folders.
std::string WithoutSecondFolder(absl::string_view path);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_IMAGE_FILES_H_
