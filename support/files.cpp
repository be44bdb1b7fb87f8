#include "support/files.h"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gradc/error.h"

namespace gradc {
namespace {

namespace fs = std::filesystem;

std::string reason() { return std::strerror(errno); }

/// Closes on every way out.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

/// Locks a file or folder for as long as it is open. A lock ends with its process, however that ends.
bool lock(int fd, int how) {
  int result;
  do result = flock(fd, how);
  while (result != 0 && errno == EINTR);
  return result == 0;
}

/// Locks what was just made. False if another process took it for a leftover before it was locked, and removed it.
bool lock_as_owner(int fd) {
  lock(fd, LOCK_EX);  // Without locks on a file system nothing is ever taken for a leftover there.
  struct stat info{};
  return fstat(fd, &info) == 0 && info.st_nlink > 0;
}

/// Removes a file or folder that one of our processes made and locked, if that process has ended.
void remove_if_abandoned(const fs::path& path) {
  Descriptor left(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat info{};
  if (left.get() < 0 || fstat(left.get(), &info) != 0 || info.st_uid != geteuid() || !lock(left.get(), LOCK_EX | LOCK_NB)) return;
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

void remove_abandoned(const fs::path& folder, std::string_view prefix) {
  std::error_code failed;
  for (auto entry = fs::directory_iterator(folder, failed); !failed && entry != fs::directory_iterator(); entry.increment(failed))
    if (entry->path().filename().string().starts_with(prefix)) remove_if_abandoned(entry->path());
}

constexpr std::string_view kTemporaryFile = ".gradc-tmp-", kTemporaryFolder = "gradc-tmp-";

void write_all(int fd, const fs::path& path, const std::string& bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    auto written = write(fd, bytes.data() + at, bytes.size() - at);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) throw Error("{}: cannot be written: {}", path.string(), reason());
    at += static_cast<std::size_t>(written);
  }
  // Devices and pipes have nothing to bring to disk.
  if (fsync(fd) != 0 && errno != EINVAL && errno != EROFS) throw Error("{}: cannot be written: {}", path.string(), reason());
}

/// A file under a name of its own in a folder; removed unless it takes the place of `target`, which errors name.
class TemporaryFile {
 public:
  TemporaryFile(const fs::path& folder, fs::path target) : target_(std::move(target)) {
    static std::atomic<std::uint64_t> count{0};
    do {
      path_ = folder / fmt::format("{}{}-{}", kTemporaryFile, getpid(), count++);
      file_ = Descriptor(open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
      if (file_.get() < 0 && errno != EEXIST) throw Error("{}: cannot be written: {}", target_.string(), reason());
    } while (file_.get() < 0 || !lock_as_owner(file_.get()));
  }
  ~TemporaryFile() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove(path_, ignored);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void write(const std::string& bytes) { write_all(file_.get(), target_, bytes); }
  void take_its_place() {
    std::error_code failed;
    if (fs::is_directory(target_)) throw Error("{}: cannot be written: it is a folder", target_.string());
    fs::rename(path_, target_, failed);
    if (failed) throw Error("{}: cannot be written: {}", target_.string(), failed.message());
    path_.clear();
  }

 private:
  fs::path target_, path_;
  Descriptor file_;
};

std::string read_all(int fd, const fs::path& path) {
  std::string bytes;
  char buffer[1 << 16];
  for (;;) {
    auto got = read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error("{}: cannot be read: {}", path.string(), reason());
    if (got == 0) return bytes;
    bytes.append(buffer, static_cast<std::size_t>(got));
  }
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

void make_folder(const fs::path& folder) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed || !fs::is_directory(folder))
    throw Error("{}: cannot be made: {}", folder.string(), failed ? failed.message() : "it is not a folder");
}

}  // namespace

std::string read_file(const fs::path& path) {
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) throw Error("{}: cannot be read: {}", path.string(), reason());
  return read_all(file.get(), path);
}

FileVersion version_of(const fs::path& path) {
  struct stat info{};
  if (stat(path.c_str(), &info) != 0) return {};
  auto nanoseconds = [](const timespec& time) { return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; };
  return {info.st_dev, info.st_ino, static_cast<std::uint64_t>(info.st_size), nanoseconds(info.st_mtim), nanoseconds(info.st_ctim)};
}

std::string read_plain_file(const fs::path& path, std::uint64_t most) {
  Descriptor file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (file.get() < 0) throw Error("{}: cannot be read: {}", path.string(), reason());
  struct stat info{};
  if (fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) throw Error("{}: is no plain file", path.string());
  if (static_cast<std::uint64_t>(info.st_size) > most) throw Error("{}: is larger than {} MB", path.string(), most >> 20);
  return read_all(file.get(), path);
}

void write_file(const fs::path& path, const std::string& bytes) {
  make_folder(path.parent_path().empty() ? "." : path.parent_path());
  if (is_special(path)) {
    Descriptor file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (file.get() < 0) throw Error("{}: cannot be written: {}", path.string(), reason());
    write_all(file.get(), path, bytes);
    return;
  }
  auto target = behind_links(path);
  TemporaryFile file(target.parent_path(), target);
  file.write(bytes);
  file.take_its_place();
}

void expect_writable(const fs::path& folder) {
  make_folder(folder);
  TemporaryFile(folder, folder).write("x");
}

void sync_folder(const fs::path& folder) {
  Descriptor names(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (names.get() >= 0) fsync(names.get());
}

void remove_leftovers(const fs::path& folder) { remove_abandoned(folder, kTemporaryFile); }

FolderLock::FolderLock(const fs::path& folder)
    : fd_(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)), held_(fd_ >= 0 && lock(fd_, LOCK_EX)) {}

FolderLock::~FolderLock() {
  if (fd_ >= 0) close(fd_);
}

TemporaryFolder::TemporaryFolder() {
  std::error_code failed;
  auto parent = fs::temp_directory_path(failed);
  if (failed) throw Error("TMPDIR: {} is not a folder for temporary files: {}", std::getenv("TMPDIR"), failed.message());
  remove_abandoned(parent, kTemporaryFolder);
  do {
    auto pattern = (parent / fmt::format("{}XXXXXX", kTemporaryFolder)).string();
    if (mkdtemp(pattern.data()) == nullptr) throw Error("{}: no temporary folder can be made: {}", parent.string(), reason());
    owned_ = pattern;
    Descriptor made(open(owned_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (made.get() >= 0 && lock_as_owner(made.get())) fd_ = made.release();
  } while (fd_ < 0);
  path_ = owned_ / "files";
  make_folder(path_);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(owned_, ignored);
  close(fd_);
}

}  // namespace gradc
