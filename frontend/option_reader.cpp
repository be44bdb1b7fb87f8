#include "frontend/option_reader.h"

#include <algorithm>

#include <fmt/format.h>

#include "frontend/names.h"

namespace gradc {

using nlohmann::json;

const json* OptionReader::find(const char* keras, const char* tfjs) {
  for (const auto& key : {std::string(keras), tfjs != nullptr ? std::string(tfjs) : camel_case(keras)}) {
    auto found = config_.find(key);
    if (found == config_.end() || !used_.insert(key).second) continue;
    if (!found->is_null()) return &*found;
  }
  return nullptr;
}

void OptionReader::number(double& value, const char* keras, const char* tfjs) {
  const json* found = find(keras, tfjs);
  if (found == nullptr) return;
  if (found->is_number())
    value = found->get<double>();
  else if (found->is_object() && found->contains("class_name"))
    problem(fmt::format("\"{}\" is a {}, which gradc does not have; give a number", keras, (*found)["class_name"].dump()));
  else
    problem(fmt::format("\"{}\" is {}, expected a number", keras, found->dump()));
}

void OptionReader::integer(std::int64_t& value, const char* key) {
  double number = static_cast<double>(value);
  this->number(number, key);
  if (number != static_cast<double>(static_cast<std::int64_t>(number)))
    problem(fmt::format("\"{}\" is {}, expected a whole number", key, number));
  else
    value = static_cast<std::int64_t>(number);
}

void OptionReader::flag(bool& value, const char* keras, const char* tfjs) {
  const json* found = find(keras, tfjs);
  if (found == nullptr) return;
  if (found->is_boolean())
    value = found->get<bool>();
  else
    problem(fmt::format("\"{}\" is {}, expected true or false", keras, found->dump()));
}

void OptionReader::read(std::string& value, const char* key) {
  const json* found = find(key);
  if (found == nullptr) return;
  if (found->is_string())
    value = found->get<std::string>();
  else
    problem(fmt::format("\"{}\" is {}, expected a name", key, found->dump()));
}

template <class Each>
void OptionReader::list(std::vector<Each>& value, const char* key, bool (*fits)(const json&), const char* expected) {
  const json* found = find(key);
  if (found == nullptr) return;
  const auto list = found->is_array() ? *found : json::array({*found});
  value.clear();
  for (const auto& each : list)
    if (fits(each))
      value.push_back(each.get<Each>());
    else
      return problem(fmt::format("\"{}\" is {}, expected {}", key, found->dump(), expected));
}

void OptionReader::read(std::vector<std::int64_t>& value, const char* key) {
  list(value, key, [](const json& each) { return each.is_number_integer(); }, "whole numbers");
}

void OptionReader::read(std::vector<double>& value, const char* key) {
  list(value, key, [](const json& each) { return each.is_number(); }, "numbers");
}

void OptionReader::read(std::vector<std::string>& value, const char* key) {
  list(value, key, [](const json& each) { return each.is_string(); }, "names");
}

bool OptionReader::is_given(const char* key) const {
  auto has_value = [&](const std::string& name) { return config_.contains(name) && !config_[name].is_null(); };
  return has_value(key) || has_value(camel_case(key));
}

void OptionReader::refuse(const char* key, std::initializer_list<json> neutral) {
  const json* found = find(key);
  if (found != nullptr && std::find(neutral.begin(), neutral.end(), *found) == neutral.end())
    problem(fmt::format("\"{}\" is {}, which is not supported; train without it", key, found->dump()));
}

void OptionReader::skip(std::initializer_list<const char*> keys) {
  for (const char* key : keys) find(key);
}

void OptionReader::report_unused() {
  for (const auto& [key, value] : config_.items())
    if (!used_.contains(key)) problem(fmt::format("\"{}\" ({}) is not an option of it", key, value.dump()));
}

}  // namespace gradc
