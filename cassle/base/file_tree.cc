#include "cassle/base/file_tree.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

std::string RealPath(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(realpath(path.c_str(), nullptr), std::free);
  return real == nullptr ? "" : real.get();
}

// Whether `path` is `folder` or lies below it.
bool IsBelow(const std::string& path, const std::string& folder) {
  return folder.empty() || path == folder || absl::StartsWith(path, absl::StrCat(folder, "/")) ||
         folder == "/";
}

class TreeLister {
 public:
  TreeLister(const std::string& root, const ListTreeOptions& options)
      : root_(root), options_(options) {}

  absl::StatusOr<FileTree> Run() {
    CASSLE_RETURN_IF_ERROR(ReadAllBelow(""));
    // The first by name, as following a link may find others.
    while (!links_.empty()) {
      const std::string link = *links_.begin();
      links_.erase(links_.begin());
      CASSLE_RETURN_IF_ERROR(Follow(link));
    }
    std::sort(tree_.files.begin(), tree_.files.end());
    std::sort(tree_.folders.begin(), tree_.folders.end());
    std::sort(tree_.others.begin(), tree_.others.end(),
              [](const FileTree::Other& a, const FileTree::Other& b) { return a.path < b.path; });
    return std::move(tree_);
  }

 private:
  using Kind = FileTree::Kind;

  std::string Absolute(const std::string& path) const { return JoinPath(root_, path); }

  absl::Status Follow(const std::string& link) {
    if (IsLinkLoop(Absolute(link))) {
      tree_.others.push_back({link, Kind::kLinkLoop});
      return absl::OkStatus();
    }
    return ReadAllBelow(link);
  }

  // Not recursive: a tree may be deeper than the stack.
  absl::Status ReadAllBelow(const std::string& top) {
    std::vector<std::string> pending = {top};
    while (!pending.empty()) {
      const std::string folder = std::move(pending.back());
      pending.pop_back();
      CASSLE_RETURN_IF_ERROR(ReadFolder(folder, &pending));
    }
    return absl::OkStatus();
  }

  // Adds the folders inside to `inside`, the last by name first.
  absl::Status ReadFolder(const std::string& path, std::vector<std::string>* inside) {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(Absolute(path).c_str()), closedir);
    struct stat info;
    if (folder == nullptr || fstat(dirfd(folder.get()), &info) != 0) {
      return absl::NotFoundError(
          absl::StrCat("cannot read ", Absolute(path), ": ", std::strerror(errno)));
    }
    const auto [seen, added] = seen_.emplace(std::make_pair(info.st_dev, info.st_ino), path);
    if (!added) {
      tree_.others.push_back(
          {path, IsBelow(path, seen->second) ? Kind::kLinkLoop : Kind::kSecondWay});
      return absl::OkStatus();
    }
    if (!path.empty()) tree_.folders.push_back(path);
    const size_t before = inside->size();
    while (true) {
      if (options_.interrupted && options_.interrupted()) {
        return absl::CancelledError(
            absl::StrCat("interrupted while ", root_, " was listed; start again to redo"));
      }
      errno = 0;
      const dirent* entry = readdir(folder.get());
      if (entry == nullptr) break;
      if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
      Add(JoinPath(path, entry->d_name), entry->d_type, inside);
    }
    if (errno != 0) {
      return absl::NotFoundError(
          absl::StrCat("cannot read ", Absolute(path), ": ", std::strerror(errno)));
    }
    std::sort(inside->begin() + static_cast<std::ptrdiff_t>(before), inside->end(),
              std::greater<std::string>());
    return absl::OkStatus();
  }

  void Add(std::string path, unsigned char type, std::vector<std::string>* inside) {
    bool link = type == DT_LNK;
    if (type != DT_REG && type != DT_DIR) {
      // A link, or a file system that does not tell.
      struct stat info;
      if (type == DT_UNKNOWN && lstat(Absolute(path).c_str(), &info) == 0) {
        link = S_ISLNK(info.st_mode);
      }
      if (stat(Absolute(path).c_str(), &info) != 0) {
        const Kind kind = errno == ELOOP ? Kind::kLinkLoop : Kind::kBrokenLink;
        if (!Skipped(path, false)) tree_.others.push_back({std::move(path), kind});
        return;
      }
      type = S_ISDIR(info.st_mode) ? DT_DIR : S_ISREG(info.st_mode) ? DT_REG : DT_UNKNOWN;
    }
    if (Skipped(path, type == DT_DIR)) return;
    if (type == DT_REG) {
      tree_.files.push_back(std::move(path));
    } else if (type != DT_DIR) {
      tree_.others.push_back({std::move(path), Kind::kSpecial});
    } else if (link) {
      links_.insert(std::move(path));
    } else {
      inside->push_back(std::move(path));
    }
  }

  bool Skipped(const std::string& path, bool folder) const {
    return options_.skip && options_.skip(path, folder);
  }

  const std::string root_;
  const ListTreeOptions& options_;
  FileTree tree_;
  // Links to folders that are still to be followed.
  std::set<std::string> links_;
  // Device and number of every folder read, and its path.
  std::map<std::pair<dev_t, ino_t>, std::string> seen_;
};

}  // namespace

bool IsLinkLoop(const std::string& path) {
  if (!IsLink(path)) return false;
  const std::string target = RealPath(path);
  return !target.empty() && IsBelow(RealPath(DirName(path)), target);
}

absl::StatusOr<FileTree> ListTree(const std::string& root, const ListTreeOptions& options) {
  return TreeLister(root, options).Run();
}

}  // namespace cassle
