#pragma once
/// .npy files, NumPy's format for one array (NEP 1).

#include <filesystem>

#include "gradc/dataset.h"

namespace gradc {

enum class ArrayUse { images, labels };

/// The array of a .npy file, in C order and in a type that steps read. Images of unsigned bytes stay bytes, other ones become f32; whole
/// numbers for labels become i32, which all of them must fit, and other labels f32. `warn` gets a line if numbers were rounded, or their
/// kind or order changed. Throws gradc::Error that names the file.
DataSet::Array read_npy(const std::filesystem::path& path, ArrayUse use, const Warn& warn);

/// The same from the bytes of such a file, which errors and warnings call `name`.
DataSet::Array parse_npy(const std::string& file, const std::string& name, ArrayUse use, const Warn& warn);

}  // namespace gradc
