#include "support/files.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "support/error.h"

namespace gradc {
namespace {

namespace fs = std::filesystem;

std::string reason() { return std::strerror(errno); }

/// Closes on every way out.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

void write_whole(const fs::path& path, const std::string& bytes) {
  Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (file.get() < 0) throw Error("{}: cannot be written: {}", path.string(), reason());
  for (std::size_t at = 0; at < bytes.size();) {
    auto written = write(file.get(), bytes.data() + at, bytes.size() - at);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) throw Error("{}: cannot be written: {}", path.string(), reason());
    at += static_cast<std::size_t>(written);
  }
  // Devices and pipes have nothing to bring to disk.
  if (fsync(file.get()) != 0 && errno != EINVAL && errno != EROFS) throw Error("{}: cannot be written: {}", path.string(), reason());
}

/// Whether a path leads to a device, a pipe or a socket. Those are written to; a file in their place would take them from everyone.
bool is_special(const fs::path& path) {
  std::error_code ignored;
  auto status = fs::status(path, ignored);
  return fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status);
}

/// Where a file is, behind symbolic links.
fs::path behind_links(const fs::path& path) {
  std::error_code failed;
  auto real = fs::canonical(path, failed);
  return failed ? path : real;
}

}  // namespace

std::string read_file(const fs::path& path) {
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) throw Error("{}: cannot be read: {}", path.string(), reason());
  std::string bytes;
  char buffer[1 << 16];
  for (;;) {
    auto got = read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error("{}: cannot be read: {}", path.string(), reason());
    if (got == 0) return bytes;
    bytes.append(buffer, static_cast<std::size_t>(got));
  }
}

void write_files(const fs::path& folder, const std::vector<std::pair<std::string, std::string>>& names_and_bytes) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed || !fs::is_directory(folder))
    throw Error("{}: cannot be made: {}", folder.string(), failed ? failed.message() : "it is not a folder");
  struct File {
    fs::path path, temporary;  ///< Without a temporary one it is written in place.
    const std::string& bytes;
  };
  std::vector<File> files;
  for (const auto& [name, bytes] : names_and_bytes) {
    const bool special = is_special(folder / name);
    auto path = special ? folder / name : behind_links(folder / name);
    auto temporary = path.parent_path() / fmt::format(".{}.{}.tmp", path.filename().string(), getpid());
    files.push_back({path, special ? fs::path() : temporary, bytes});
  }
  try {
    for (const auto& file : files)
      if (!file.temporary.empty()) write_whole(file.temporary, file.bytes);
    for (const auto& file : files)
      if (fs::is_directory(file.path)) throw Error("{}: cannot be written: it is a folder", file.path.string());
    for (const auto& file : files) {
      if (file.temporary.empty()) {
        write_whole(file.path, file.bytes);
        continue;
      }
      fs::rename(file.temporary, file.path, failed);
      if (failed) throw Error("{}: cannot be written: {}", file.path.string(), failed.message());
    }
  } catch (...) {
    std::error_code ignored;
    for (const auto& file : files)
      if (!file.temporary.empty()) fs::remove(file.temporary, ignored);
    throw;
  }
}

TemporaryFolder::TemporaryFolder() {
  auto pattern = (fs::temp_directory_path() / "gradc.XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw Error("{}: no temporary folder can be made", fs::temp_directory_path().string());
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace gradc
