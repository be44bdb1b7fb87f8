#include "frontend/names.h"

#include <cctype>

#include <nlohmann/json.hpp>

namespace gradc {

std::string plain_name(const std::string& name) {
  std::string plain;
  for (char c : name)
    if (c != '_') plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return plain;
}

std::string without_package(const std::string& name) { return name.substr(name.rfind('>') + 1); }
std::vector<std::string> names_of_weight(std::string in_file) {
  if (auto colon = in_file.rfind(':'); colon != std::string::npos) in_file.resize(colon);
  std::vector<std::string> names = {in_file};
  for (auto slash = in_file.find('/'); slash != std::string::npos; slash = in_file.find('/', slash + 1))
    names.push_back(in_file.substr(slash + 1));
  for (std::size_t i = 0, count = names.size(); i < count; ++i) {
    const auto last = names[i].rfind('/');
    if (last == std::string::npos || last == 0) continue;
    if (const auto before = names[i].rfind('/', last - 1); before != std::string::npos)
      names.push_back(names[i].substr(0, before) + names[i].substr(last));
  }
  // A recurrent layer in another has a cell too.
  for (std::size_t i = 0, count = names.size(); i < count; ++i) {
    const auto first = names[i].find('/'), second = first == std::string::npos ? first : names[i].find('/', first + 1);
    if (second != std::string::npos) names.push_back(names[i].substr(0, first) + names[i].substr(second));
  }
  return names;
}

bool is_utf8(const std::string& text) {
  try {
    nlohmann::json(text).dump();
    return true;
  } catch (const nlohmann::json::type_error&) {
    return false;
  }
}

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
