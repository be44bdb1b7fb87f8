#pragma once
#include <filesystem>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace gradc {

/// Writes a folder's model.json and the file of weights that its weightsManifest is made to name. The pair changes at once: weights have a
/// name of their own, after their content, and are there when model.json takes its place; the weights of the save before go afterwards. Who
/// is killed on the way, or saves there at the same time, leaves one save whole. Throws gradc::Error that names the file.
void save_pair(const std::filesystem::path& folder, nlohmann::json document, const std::string& weights);

}  // namespace gradc
