#pragma once
/// Files read and written whole, safe from other threads, other processes and being killed.

#include <cstdint>
#include <filesystem>
#include <string>

namespace gradc {

/// All bytes of a file. Throws gradc::Error that names it.
std::string read_file(const std::filesystem::path& path);

/// The same of a plain file of at most so many bytes: no link, device or pipe, which may never end, or never begin.
std::string read_plain_file(const std::filesystem::path& path, std::uint64_t most);

/// What tells a file from another that takes its place, also if both have the same bytes. Equal for files that are not there.
struct FileVersion {
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t modified_ns = 0, changed_ns = 0;

  bool operator==(const FileVersion&) const = default;
};
FileVersion version_of(const std::filesystem::path& path);

/// Writes a file, in a folder that is made if it is not there. The file is complete on disk under a temporary name before it takes its
/// place; if anything fails the file that was there is as before. What a symbolic link leads to is written, and the link stays; devices and
/// pipes, as /dev/null, are written to. Throws gradc::Error that names the file.
void write_file(const std::filesystem::path& path, const std::string& bytes);

/// Throws gradc::Error unless files can be written to a folder, which is made if it is not there.
void expect_writable(const std::filesystem::path& folder);

/// Brings the names of a folder's files to disk: whatever is renamed later is found later too, also after a power failure.
void sync_folder(const std::filesystem::path& folder);

/// Removes what killed processes left of write_file in a folder. What a living process writes there stays.
void remove_leftovers(const std::filesystem::path& folder);

/// Keeps other FolderLocks of a folder waiting, in this process and others, as long as it lives. A process that is killed keeps none.
class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  /// Whether there is a lock: some network file systems have none.
  bool held() const { return held_; }

 private:
  int fd_;
  bool held_;
};

/// A new folder among the temporary files, removed with all that is in it at the end of its life, or by a later process if this one is
/// killed. Throws gradc::Error if none can be made.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path owned_;  ///< What is locked, so that no other process takes it for a leftover.
  std::filesystem::path path_;   ///< In it, so that others may lock that.
  int fd_ = -1;
};

}  // namespace gradc
