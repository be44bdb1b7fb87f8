#include "frontend/names.h"

#include <cctype>

namespace gradc {

std::string plain_name(const std::string& name) {
  std::string plain;
  for (char c : name)
    if (c != '_') plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return plain;
}

std::string without_package(const std::string& name) { return name.substr(name.rfind('>') + 1); }

std::string camel_case(const std::string& snake) {
  std::string camel;
  bool upper = false;
  for (char c : snake) {
    if (c == '_') {
      upper = true;
      continue;
    }
    camel += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    upper = false;
  }
  return camel;
}

}  // namespace gradc
