#pragma once
/// The kernel cache on disk: object files named by a hash of everything their code depends on.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace gradc {

/// A folder of object files. Entries are written under a name of their own and then renamed, so that processes may share it; each carries
/// a checksum, and one that does not fit it is as good as absent. Anything that goes wrong with the folder means compiling again, not
/// failing.
class KernelCache {
 public:
  /// Called with one line when the cache cannot be used as asked.
  using Warn = std::function<void(const std::string&)>;

  /// The user's cache: $GRADC_CACHE, or gradc in $XDG_CACHE_HOME, or ~/.cache/gradc. An empty $GRADC_CACHE means none. A folder that is not
  /// this user's own, or that others may write to, is not used, as it holds code.
  static KernelCache of_user(const Warn& warn);
  /// A cache in this folder, with the same checks.
  KernelCache(const std::filesystem::path& folder, Warn warn, std::uint64_t limit = kLimit);
  /// No cache: every look-up misses.
  KernelCache() = default;

  /// The object file of a key, if it is there and whole.
  std::optional<std::string> find(const std::string& key) const;
  /// Keeps an object file.
  void store(const std::string& key, const std::string& object) const;
  /// Drops an entry, if it is there.
  void remove(const std::string& key) const;
  /// If the cache holds more than its limit, the entries unused for longest go. Looks at every entry, so once after several are stored.
  void trim() const;

  const std::filesystem::path& folder() const { return folder_; }
  bool usable() const { return !folder_.empty(); }

  /// Bytes that the folder may hold, unless told otherwise.
  static constexpr std::uint64_t kLimit = 512ull << 20;

 private:
  std::filesystem::path folder_;
  Warn warn_;
  std::uint64_t limit_ = kLimit;
};

}  // namespace gradc
