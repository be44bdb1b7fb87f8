#include "frontend/save.h"

#include <nlohmann/json.hpp>

#include "gradc/error.h"
#include "support/files.h"
#include "support/hash.h"

namespace gradc {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t kHashDigits = 16;

std::string weights_name(const std::string& weights) { return fmt::format("weights.{}.bin", hash_text(weights).substr(0, kHashDigits)); }

bool is_weights_name(const std::string& name) {
  constexpr std::string_view before = "weights.", after = ".bin";
  return name.size() == before.size() + kHashDigits + after.size() && name.starts_with(before) && name.ends_with(after) &&
         name.find_first_not_of("0123456789abcdef", before.size()) == before.size() + kHashDigits;
}

/// Whether a folder holds a save from when gradc's weights were always in weights.bin.
bool has_plain_weights(const fs::path& folder) {
  if (!fs::is_regular_file(folder / "model.json") || !fs::is_regular_file(folder / "weights.bin")) return false;
  auto text = read_file(folder / "model.json");
  return text.find("\"generatedBy\": \"gradc\"") != std::string::npos && text.find("\"weights.bin\"") != std::string::npos;
}

/// Removes the weights of other saves, also of those that were killed before their model.json.
void remove_other_weights(const fs::path& folder, const std::string& kept) {
  std::error_code failed, ignored;
  for (auto entry = fs::directory_iterator(folder, failed); !failed && entry != fs::directory_iterator(); entry.increment(failed))
    if (auto name = entry->path().filename().string(); name != kept && is_weights_name(name)) fs::remove(entry->path(), ignored);
}

}  // namespace

void save_pair(const fs::path& folder, json document, const std::string& weights) {
  expect_writable(folder);
  // One save at a time, as each removes the weights of others.
  FolderLock lock(folder);
  remove_leftovers(folder);
  auto name = weights_name(weights);
  std::error_code ignored;
  const bool same_weights = fs::exists(folder / name, ignored), plain_weights = has_plain_weights(folder);
  document["weightsManifest"][0]["paths"] = json{name};
  try {
    write_file(folder / name, weights);
    sync_folder(folder);
    write_file(folder / "model.json", document.dump(1) + "\n");
  } catch (...) {
    if (!same_weights) fs::remove(folder / name, ignored);
    throw;
  }
  sync_folder(folder);
  if (!lock.held()) return;
  remove_other_weights(folder, name);
  if (plain_weights) fs::remove(folder / "weights.bin", ignored);
}

}  // namespace gradc
