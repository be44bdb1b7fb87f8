#include "model/npz.h"

#include <fmt/ranges.h>
#include <zip.h>

#include "gradc/error.h"

namespace gradc {
namespace {

constexpr std::size_t kMostNames = 20;           ///< That an error lists.
constexpr std::uint64_t kMostOfAByte = 1032;     ///< Bytes that deflate makes of one.
constexpr std::string_view kExtension = ".npy";  ///< Members that are arrays end with it.

zip* opened(const std::filesystem::path& path) {
  int code = 0;
  auto* archive = zip_open(path.c_str(), ZIP_RDONLY, &code);
  if (archive != nullptr) return archive;
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  const std::string reason = zip_error_strerror(&error);
  zip_error_fini(&error);
  if (code == ZIP_ER_NOENT || code == ZIP_ER_OPEN || code == ZIP_ER_READ) throw Error("{}: cannot be read: {}", path.string(), reason);
  throw Error("{}: is not a .npz file, or is cut off: {}", path.string(), reason);
}

}  // namespace

bool is_npz(const std::filesystem::path& path) {
  const auto extension = path.extension().string();
  return extension == ".npz" || extension == ".NPZ";
}

Npz::Npz(const std::filesystem::path& path) : path_(path), archive_(opened(path), zip_discard) {
  const auto count = zip_get_num_entries(archive_.get(), 0);
  for (zip_uint64_t member = 0; member < static_cast<zip_uint64_t>(count); ++member) {
    const char* text = zip_get_name(archive_.get(), member, 0);
    std::string_view name = text == nullptr ? "" : text;
    if (!name.ends_with(kExtension)) continue;
    name.remove_suffix(kExtension.size());
    if (!members_.emplace(name, member).second) throw Error("{}: holds two arrays named \"{}\"", path.string(), name);
  }
}

std::string Npz::content() const {
  if (members_.empty()) return "it holds no arrays";
  std::vector<std::string_view> names;
  for (const auto& [name, member] : members_)
    if (names.size() < kMostNames) names.push_back(name);
  const auto more = members_.size() - names.size();
  return fmt::format("it holds \"{}\"{}", fmt::join(names, "\", \""), more > 0 ? fmt::format(" and {} more", more) : "");
}

DataSet::Array Npz::read(const std::string& array, ArrayUse use, const Warn& warn) const {
  const auto found = members_.find(array);
  if (found == members_.end()) throw Error("{}: has no array \"{}\"; {}", path_.string(), array, content());
  const auto name = fmt::format("{}: {}", path_.string(), array);
  return parse_npy(unpacked(name, found->second), name, use, warn);
}

std::string Npz::unpacked(const std::string& name, std::uint64_t member) const {
  auto damaged = [&](const std::string& reason) { return Error("{}: is cut off or damaged: {}", name, reason); };
  zip_stat_t facts;
  if (zip_stat_index(archive_.get(), member, 0, &facts) != 0) throw damaged(zip_strerror(archive_.get()));
  if (facts.encryption_method != ZIP_EM_NONE) throw Error("{}: is encrypted; save it without a password", name);
  if (facts.comp_method != ZIP_CM_STORE && facts.comp_method != ZIP_CM_DEFLATE)
    throw Error("{}: is packed in a way that NumPy does not write; save it with numpy.savez or numpy.savez_compressed", name);
  // A header may claim any size: memory is taken for no more than the file's bytes can become.
  std::error_code ignored;
  if (facts.comp_size > std::filesystem::file_size(path_, ignored) || facts.size / kMostOfAByte > facts.comp_size)
    throw damaged(fmt::format("its header says that {} bytes become {}", facts.comp_size, facts.size));
  std::unique_ptr<zip_file_t, decltype(&zip_fclose)> file(zip_fopen_index(archive_.get(), member, 0), zip_fclose);
  if (file == nullptr) throw damaged(zip_strerror(archive_.get()));
  std::string bytes(facts.size, '\0');
  std::size_t at = 0;
  char beyond = 0;
  // The checksum is compared by the read that finds the end.
  for (zip_int64_t got = 1; got > 0; at += static_cast<std::size_t>(got)) {
    const bool full = at == bytes.size();
    got = zip_fread(file.get(), full ? &beyond : bytes.data() + at, full ? 1 : bytes.size() - at);
    if (got < 0) throw damaged(zip_file_strerror(file.get()));
    if (full && got > 0) throw damaged(fmt::format("more than its {} bytes follow", facts.size));
  }
  if (at < bytes.size()) throw damaged(fmt::format("{} of its {} bytes follow", at, bytes.size()));
  return bytes;
}

}  // namespace gradc
