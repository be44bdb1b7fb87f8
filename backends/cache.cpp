#include "backends/cache.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "gradc/error.h"
#include "support/files.h"

namespace gradc {
namespace {

namespace fs = std::filesystem;

constexpr char kMagic[8] = {'g', 'r', 'a', 'd', 'c', 'k', '0', '1'};

/// More than the code of any kernel.
constexpr std::uint64_t kMostEntryBytes = 64ull << 20;

struct Header {
  char magic[8];
  std::uint64_t size, checksum;
};

fs::path user_folder() {
  if (const char* named = std::getenv("GRADC_CACHE")) return named;
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache == '/') return fs::path(cache) / "gradc";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') return fs::path(home) / ".cache" / "gradc";
  return {};
}

std::string problem_with(const fs::path& folder) {
  struct stat info{};
  if (stat(folder.c_str(), &info) != 0) return std::strerror(errno);
  if (!S_ISDIR(info.st_mode)) return "it is not a folder";
  if (info.st_uid != geteuid()) return "it belongs to another user";
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) return "others may write to it";
  return "";
}

}  // namespace

KernelCache KernelCache::of_user(const Warn& warn) {
  auto folder = user_folder();
  return folder.empty() ? KernelCache() : KernelCache(folder, warn);
}

KernelCache::KernelCache(const fs::path& folder, Warn warn, std::uint64_t limit) : warn_(std::move(warn)), limit_(limit) {
  std::error_code ignored;
  if (!fs::exists(folder, ignored)) {
    fs::create_directories(folder, ignored);
    chmod(folder.c_str(), 0700);
  }
  if (auto why = problem_with(folder); !why.empty()) {
    if (warn_) warn_(fmt::format("kernel cache {} is not used: {}", folder.string(), why));
    return;
  }
  folder_ = folder;
}

std::optional<std::string> KernelCache::find(const std::string& key) const {
  if (!usable()) return std::nullopt;
  auto path = folder_ / (key + ".o");
  std::error_code ignored;
  if (!fs::exists(fs::symlink_status(path, ignored))) return std::nullopt;
  std::string bytes;
  try {
    bytes = read_plain_file(path, kMostEntryBytes);
  } catch (const Error& error) {
    if (warn_) warn_(fmt::format("kernel cache: {}; compiling it again", error.what()));
    fs::remove(path, ignored);
    return std::nullopt;
  }
  Header header{};
  if (bytes.size() >= sizeof header) std::memcpy(&header, bytes.data(), sizeof header);
  bool whole = bytes.size() >= sizeof header && std::memcmp(header.magic, kMagic, sizeof kMagic) == 0 &&
               header.size == bytes.size() - sizeof header && header.checksum == XXH3_64bits(bytes.data() + sizeof header, header.size);
  if (!whole) {
    if (warn_) warn_(fmt::format("kernel cache: {} is damaged; compiling it again", path.string()));
    fs::remove(path, ignored);
    return std::nullopt;
  }
  // The time of use, by which entries are dropped, to the hour: reading need not write each time.
  struct stat info{};
  if (stat(path.c_str(), &info) == 0 && info.st_mtime + 3600 < time(nullptr)) utimensat(AT_FDCWD, path.c_str(), nullptr, 0);
  return bytes.substr(sizeof header);
}

void KernelCache::store(const std::string& key, const std::string& object) const {
  if (!usable()) return;
  Header header{};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  header.size = object.size();
  header.checksum = XXH3_64bits(object.data(), object.size());
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  auto path = folder_ / (key + ".o");
  std::error_code ignored;
  // What a link or a pipe leads to is none of the cache's.
  if (!fs::is_regular_file(fs::symlink_status(path, ignored))) fs::remove(path, ignored);
  try {
    write_file(path, bytes + object);
  } catch (const Error& error) {
    if (warn_) warn_(fmt::format("kernel cache: {}; going on without", error.what()));
  }
}

void KernelCache::remove(const std::string& key) const {
  std::error_code ignored;
  if (usable()) fs::remove(folder_ / (key + ".o"), ignored);
}

void KernelCache::trim() const {
  if (!usable()) return;
  remove_leftovers(folder_);
  struct Entry {
    fs::path path;
    std::uint64_t size;
    fs::file_time_type used;
  };
  std::vector<Entry> entries;
  std::uint64_t total = 0;
  std::error_code failed;
  for (const auto& each : fs::directory_iterator(folder_, failed)) {
    Entry entry{each.path(), each.file_size(failed), each.last_write_time(failed)};
    if (failed) continue;  // another process took it away
    total += entry.size;
    entries.push_back(std::move(entry));
  }
  if (total <= limit_) return;
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.used < b.used; });
  for (const auto& entry : entries) {
    if (total <= limit_ * 3 / 4) break;
    fs::remove(entry.path, failed);
    total -= entry.size;
  }
}

}  // namespace gradc
