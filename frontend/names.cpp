#include "frontend/names.h"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <string_view>
#include <utility>

#include <fmt/ranges.h>
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
  // Layers in others have the names of all between: a cell in a layer in a TimeDistributed.
  for (std::size_t i = 0, count = names.size(); i < count; ++i) {
    const auto name = names[i];
    const auto first = name.find('/');
    if (first == std::string::npos) continue;
    for (auto slash = name.find('/', first + 1); slash != std::string::npos; slash = name.find('/', slash + 1))
      names.push_back(name.substr(0, first) + name.substr(slash));
  }
  return names;
}

namespace {

/// How many letters are to be added, left out or changed (Levenshtein 1966).
std::size_t changes(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < from.size(); ++i) {
    auto before = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < to.size(); ++j)
      before = std::exchange(row[j + 1], std::min({before + (from[i] != to[j]), row[j] + 1, row[j + 1] + 1}));
  }
  return row.back();
}

}  // namespace

std::string known_are(const std::vector<std::string>& known, const std::string& name) {
  const auto wanted = plain_name(name);
  std::string best;
  // Two letters that changed places are two changes.
  auto fewest = (wanted.size() < 4 ? 1 : std::max<std::size_t>(2, wanted.size() / 4)) + 1;
  for (const auto& each : known) {
    const auto plain = plain_name(each);
    // What only lacks its end is nearer than any other spelling.
    const auto needed = wanted.size() >= 2 && plain.starts_with(wanted) ? 0 : changes(wanted, plain);
    if (!wanted.empty() && needed < fewest) best = each, fewest = needed;
  }
  return fmt::format("known are {}{}", fmt::join(known, ", "), best.empty() ? "" : ". Did you mean " + best + "?");
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
