#pragma once
/// Files read and written whole.

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace gradc {

/// All bytes of a file. Throws gradc::Error that names it.
std::string read_file(const std::filesystem::path& path);

/// Writes several files of one folder, which is made if it is not there. Each is complete on disk under a name of its own before the
/// first takes its place; if anything fails the files that were there are as before. What a symbolic link leads to is written, and the link
/// stays; devices and pipes, as /dev/null, are written to. Throws gradc::Error that names the file.
void write_files(const std::filesystem::path& folder, const std::vector<std::pair<std::string, std::string>>& names_and_bytes);

/// A new folder among the temporary files, removed with all that is in it at the end of its life. Throws gradc::Error if none can be made.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace gradc
