#pragma once
/// .npz files: zip archives of .npy files, as numpy.savez and numpy.savez_compressed write them.

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "model/npy.h"

struct zip;  // of libzip

namespace gradc {

/// Whether a file is to be read as .npz, by its name.
bool is_npz(const std::filesystem::path& path);

/// An open .npz file. Its arrays are read when they are asked for, so that others may be anything. Errors are gradc::Error that names file
/// and array.
class Npz {
 public:
  /// Throws for what is no zip archive, and for two arrays of one name.
  explicit Npz(const std::filesystem::path& path);

  bool has(const std::string& array) const { return members_.contains(array); }
  /// "it holds "x", "y"", for errors about arrays that it has not.
  std::string content() const;
  /// An array as read_npy gives it.
  DataSet::Array read(const std::string& array, ArrayUse use, const Warn& warn) const;

 private:
  std::string unpacked(const std::string& name, std::uint64_t member) const;

  std::filesystem::path path_;
  std::unique_ptr<zip, void (*)(zip*)> archive_;
  std::map<std::string, std::uint64_t> members_;  ///< By array, the number of its member in the archive.
};

}  // namespace gradc
