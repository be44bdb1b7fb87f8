#pragma once
#include <string>

#include <nlohmann/json.hpp>

namespace gradc {

/// A value as JSON text. What is not UTF-8, as names of files need not be, becomes U+FFFD.
template <class Json>
std::string json_text(const Json& value, int indent = -1) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace gradc
