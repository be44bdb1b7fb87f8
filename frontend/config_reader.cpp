#include "frontend/config_reader.h"

#include <algorithm>

#include <fmt/format.h>

#include "frontend/names.h"
#include "frontend/number_range.h"
#include "gradc/error.h"

namespace gradc {
namespace {

using nlohmann::json;

bool changes_nothing(const std::string& key, const json& value) {
  auto plain = plain_name(key);
  return std::any_of(idle_options().begin(), idle_options().end(), [&](const IdleOption& idle) {
    return plain_name(idle.key) == plain && (idle.value.is_null() || idle.value == value);
  });
}

}  // namespace

const std::vector<IdleOption>& idle_options() {
  static const std::vector<IdleOption> options = {
      {"name", nullptr, "part of the topology"},
      {"virtual_batch_size", nullptr, "null"},
      {"seed", nullptr, "of other random numbers than gradc's: no seed gives the bits of TensorFlow"},
      {"groups", 1, "Keras 2 writes it of every convolution"},
      {"sparse", false, "dense input"},
      {"ragged", false, "dense input"},
      {"optional", false, "an input that is always given"},
      {"implementation", nullptr, "how a layer is computed, not what"},
      {"unroll", nullptr, "how a layer is computed, not what"},
      {"use_cudnn", nullptr, "how a layer is computed, not what"},
      {"flash_attention", nullptr, "how a layer is computed, not what"},
      {"time_major", false, "batches come first"},
      {"build_config", nullptr, "shapes that follow from the input"},
      {"dynamic", false, "an ordinary layer"},
      {"rank", nullptr, "part of the class"},
      {"batch_input_shape", nullptr, "part of the topology"},
  };
  return options;
}

json plain_config(const json& value) {
  if (value.is_array()) {
    json list = json::array();
    for (const auto& each : value) list.push_back(plain_config(each));
    return list;
  }
  if (!value.is_object()) return value;
  const bool is_named = value.contains("class_name") && value["class_name"].is_string();
  if (is_named && value["class_name"] == "__tuple__" && value.contains("items")) return plain_config(value["items"]);
  if (is_named && value["class_name"] == "__numpy__" && value.contains("config") && value["config"].is_object() &&
      value["config"].contains("value"))
    return value["config"]["value"];
  if (is_named && value.contains("config")) {
    auto class_name = value["class_name"].get<std::string>();
    const auto& config = value["config"];
    if (class_name == "function" && config.is_string()) return config;
    if (class_name.ends_with("DTypePolicy") && config.is_object() && config.contains("name")) return config["name"];
  }
  json object = json::object();
  for (const auto& [key, each] : value.items()) {
    const bool of_operation = key == "module" && each.is_string() && each.get_ref<const std::string&>().starts_with(kOperations);
    if (!is_named || (key != "module" && key != "registered_name") || of_operation) object[key] = plain_config(each);
  }
  if (is_named) object["class_name"] = without_package(value["class_name"].get<std::string>());
  return object;
}

const json& ConfigReader::find(const std::string& key) {
  static const json nothing;
  const json* value = &nothing;
  for (const auto& spelling : {camel_case(key), key})
    if (auto found = config_.find(spelling); found != config_.end()) {
      value = &*found;
      read_.insert(spelling);
    }
  return *value;
}

void ConfigReader::report_unread() {
  for (const auto& [key, value] : config_.items()) {
    if (read_.contains(key) || value.is_null() || changes_nothing(key, value)) continue;
    problem(fmt::format("\"{}\" is {}, an option that gradc does not have; save the model without it", key, value.dump()));
  }
}

std::int64_t ConfigReader::integer(const std::string& key, std::int64_t fallback, std::int64_t least) {
  const auto& value = find(key);
  if (value.is_null()) {
    if (fallback < least) problem(fmt::format("\"{}\" is missing: a whole number of at least {}", key, least));
    return std::max(fallback, least);
  }
  if (!value.is_number() || value.get<double>() != static_cast<double>(static_cast<std::int64_t>(value.get<double>())) ||
      value.get<double>() < static_cast<double>(least) || value.get<double>() > 2147483647.0) {
    problem(fmt::format("\"{}\" is {}, expected a whole number from {} to 2147483647", key, value.dump(), least));
    return std::max(fallback, least);
  }
  return static_cast<std::int64_t>(value.get<double>());
}

double ConfigReader::number(const std::string& key, double fallback) {
  const auto& value = find(key);
  if (value.is_null()) return fallback;
  if (value.is_number() && kFinite.contains(value.get<double>())) return value.get<double>();
  problem(fmt::format("\"{}\" is {}, expected {}", key, value.dump(), value.is_number() ? "a number that float32 can hold" : "a number"));
  return fallback;
}

bool ConfigReader::boolean(const std::string& key, bool fallback) {
  const auto& value = find(key);
  if (value.is_null()) return fallback;
  if (value.is_boolean()) return value.get<bool>();
  problem(fmt::format("\"{}\" is {}, expected true or false", key, value.dump()));
  return fallback;
}

std::string ConfigReader::text(const std::string& key, const std::string& fallback) {
  const auto& value = find(key);
  if (value.is_null()) return fallback;
  if (value.is_string()) return value.get<std::string>();
  // Keras 3 writes an activation as {"class_name": "function", "config": "relu"}.
  if (value.is_object() && value.contains("config") && value["config"].is_string()) return value["config"].get<std::string>();
  problem(fmt::format("\"{}\" is {}, expected a string", key, value.dump()));
  return fallback;
}

Ints ConfigReader::extents(const std::string& key, int count, Ints fallback, std::int64_t least) {
  const auto& value = find(key);
  if (value.is_null() && !fallback.empty()) return fallback;
  auto fits = [&](const json& v) {
    return v.is_number_integer() && v.get<double>() >= static_cast<double>(least) && v.get<double>() <= 2147483647.0;
  };
  const auto given = value.is_array() ? value : json::array({value});
  if ((given.size() == 1 || given.size() == static_cast<std::size_t>(count)) && std::all_of(given.begin(), given.end(), fits)) {
    Ints extents;
    for (int i = 0; i < count; ++i) extents.push_back(given[given.size() == 1 ? 0 : i].get<std::int64_t>());
    return extents;
  }
  static constexpr const char* kHowMany[] = {"a whole number", "one or two whole numbers", "one or three whole numbers"};
  problem(fmt::format("\"{}\" is {}, expected {} of at least {}", key, value.dump(), kHowMany[count - 1], least));
  return fallback.empty() ? Ints(count, least) : fallback;
}

Initializer ConfigReader::initializer(const std::string& key, const json& fallback) {
  const auto& value = find(key);
  try {
    return initializer_from_json(value.is_null() ? fallback : value, dialect_);
  } catch (const Error& error) {
    problem(fmt::format("\"{}\": {}", key, error.what()));
    return initializer_from_json(fallback, dialect_);
  }
}

template <class Part>
Part ConfigReader::part(const std::string& key, Part (*read)(const json&, std::vector<std::string>&)) {
  std::vector<std::string> problems;
  auto part = read(find(key), problems);
  for (const auto& each : problems) problem(fmt::format("\"{}\": {}", key, each));
  return part;
}

Regularizer ConfigReader::regularizer(const std::string& key) { return part(key, regularizer_from_json); }

Constraint ConfigReader::constraint(const std::string& key) { return part(key, constraint_from_json); }

void ConfigReader::only(const std::string& key, const json& neutral, const std::string& remedy) {
  const auto& value = find(key);
  if (!value.is_null() && value != neutral) problem(fmt::format("\"{}\" is {}, which is not supported; {}", key, value.dump(), remedy));
}

}  // namespace gradc
