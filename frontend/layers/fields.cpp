#include "frontend/layers/fields.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "frontend/activations.h"
#include "frontend/config.h"
#include "frontend/layer_json.h"
#include "frontend/layers/context.h"
#include "frontend/model_tree.h"
#include "frontend/names.h"
#include "frontend/number_range.h"
#include "gradc/error.h"

namespace gradc {

using nlohmann::json;

namespace {

bool is_whole(const json& value, std::int64_t least) {
  return value.is_number_integer() && value.get<double>() >= static_cast<double>(least) && value.get<double>() <= 2147483647.0;
}

/// The config of a layer or cell in another, which is named as Keras would.
json with_name(const std::string& class_name, json config) {
  if (!config.contains("name") || !config["name"].is_string()) config["name"] = LayerNames().next(class_name);
  return config;
}

json named_object(const std::string& class_name, const json& config) {
  return {{"class_name", class_name}, {"config", with_name(class_name, config)}};
}

Cell make_cell(const std::string& class_name, json config) {
  return {class_name, std::make_shared<const Config>(Config{with_name(class_name, std::move(config))})};
}

bool is_axis(const json& value) { return value.is_number_integer() && std::abs(value.get<double>()) <= 2147483647.0; }

}  // namespace

void FieldReader::integer(const char* key, std::int64_t& field, std::int64_t least, Written) { field = config_.integer(key, field, least); }

void FieldReader::number(const char* key, double& field, Written) { field = config_.number(key, field); }

void FieldReader::number(const char* key, std::optional<double>& field, Written) {
  if (config_.find(key).is_null())
    field.reset();
  else
    field = config_.number(key, field.value_or(0));
}

void FieldReader::boolean(const char* key, bool& field, Written) { field = config_.boolean(key, field); }

void FieldReader::activation(const char* key, std::string& field) {
  field = config_.text(key, field);
  if (!is_known_activation(field))
    config_.problem(fmt::format("{} \"{}\" is not known; {}", key, field, known_are(known_activations(), field)));
}

void FieldReader::choice(const char* key, std::string& field, std::initializer_list<const char*> choices, Written) {
  const auto given =
      config_.says_null(key) && std::ranges::count(choices, std::string_view("null")) > 0 ? "null" : config_.text(key, field);
  std::string all;
  for (const char* each : choices) {
    if (plain_name(given) == plain_name(each)) {
      field = each;
      return;
    }
    all += (all.empty() ? "" : " and ") + std::string(each);
  }
  config_.problem(fmt::format("{} \"{}\" is not known; {} are", key, given, all));
}

namespace {

/// Appends the numbers of an array whose parts have this shape from `depth` on; false if they do not.
bool flatten(const json& value, std::size_t depth, NumberArray& array) {
  if (depth == array.shape.size()) {
    const bool holds = value.is_number() && kFinite.contains(value.get<double>());
    if (holds) array.values.push_back(value.get<double>());
    return holds;
  }
  return value.is_array() && static_cast<std::int64_t>(value.size()) == array.shape[depth] &&
         std::all_of(value.begin(), value.end(), [&](const json& part) { return flatten(part, depth + 1, array); });
}

json nested(const NumberArray& array, std::size_t depth, std::size_t& at) {
  if (depth == array.shape.size()) return array.values[at++];
  auto list = json::array();
  for (std::int64_t i = 0; i < array.shape[depth]; ++i) list.push_back(nested(array, depth + 1, at));
  return list;
}

}  // namespace

void FieldReader::array(const char* key, NumberArray& field) {
  const auto& value = config_.find(key);
  if (value.is_null()) return;
  NumberArray read;
  for (const auto* part = &value; part->is_array() && !part->empty(); part = &part->front())
    read.shape.push_back(static_cast<std::int64_t>(part->size()));
  if (flatten(value, 0, read))
    field = read;
  else
    config_.problem(fmt::format("\"{}\" is {}, expected a number that float32 can hold, or an array of such", key, value.dump()));
}

void FieldWriter::array(const char* key, NumberArray& field) {
  std::size_t at = 0;
  set(key, field.empty() ? json() : nested(field, 0, at));
}

std::string FieldLister::text_of(const NumberArray& numbers) {
  std::string text;
  for (auto number : numbers.values) text += (text.empty() ? "" : ", ") + fmt::format("{}", number);
  return text;
}

void FieldReader::extents(const char* key, Dims& field, int spatial) { field = config_.extents(key, spatial, field); }

void FieldReader::optional_extents(const char* key, Dims& field, int spatial, std::int64_t least, Written) {
  field = config_.find(key).is_null() ? Dims() : config_.extents(key, spatial, {}, least);
}

void FieldReader::numbers(const char* key, Dims& field, std::int64_t least) {
  const auto& value = config_.find(key);
  if (value.is_null()) return;
  Dims given;
  if (value.is_array())
    for (const auto& each : value)
      if (is_whole(each, least)) given.push_back(each.get<std::int64_t>());
  if (is_whole(value, least)) given = {value.get<std::int64_t>()};
  if (value.is_array() ? given.size() != value.size() : given.empty())
    config_.problem(fmt::format("\"{}\" is {}, expected whole numbers of at least {}", key, value.dump(), least));
  else
    field = given;
}

std::optional<std::pair<std::string, json>> FieldReader::part(const char* key, const json& value) {
  if (!value.is_object() || !value.contains("class_name") || !value["class_name"].is_string() || !value.contains("config") ||
      !value["config"].is_object()) {
    config_.problem(fmt::format("\"{}\" is {}, expected an object with \"class_name\" and \"config\"", key, value.dump()));
    return std::nullopt;
  }
  const auto class_name = without_package(value["class_name"].get<std::string>());
  return std::pair(class_name, with_name(class_name, value["config"]));
}

void FieldReader::layer(const char* key, std::optional<Layer>& field) {
  if (const auto& value = config_.find(key); !value.is_null())
    if (auto read = part(key, value)) field = make_layer(read->first, std::move(read->second));
}

void FieldReader::cell(const char* key, std::optional<Cell>& field) {
  if (const auto& value = config_.find(key); !value.is_null())
    if (auto read = part(key, value)) field = make_cell(read->first, std::move(read->second));
}

void FieldReader::cells(const char* key, std::vector<Cell>& field) {
  const auto& value = config_.find(key);
  if (!value.is_array()) return config_.problem(fmt::format("\"{}\" is {}, expected a list of cells", key, value.dump()));
  for (const auto& each : value)
    if (auto read = part(key, each)) field.push_back(make_cell(read->first, std::move(read->second)));
}

void FieldWriter::layer(const char* key, std::optional<Layer>& field) {
  set(key, field ? named_object(field->class_name(), json_of(*field)) : json(), Written::unless_default);
}

void FieldWriter::cell(const char* key, std::optional<Cell>& field) {
  set(key, field ? named_object(field->class_name(), field->config().value) : json());
}

void FieldWriter::cells(const char* key, std::vector<Cell>& field) {
  auto list = json::array();
  for (const auto& cell : field) list.push_back(named_object(cell.class_name(), cell.config().value));
  set(key, std::move(list));
}

Cell::Cell(const SimpleRNNCell& cell) : Cell(make_cell("SimpleRNNCell", config_of(cell))) {}
Cell::Cell(const LSTMCell& cell) : Cell(make_cell("LSTMCell", config_of(cell))) {}
Cell::Cell(const GRUCell& cell) : Cell(make_cell("GRUCell", config_of(cell))) {}
Cell::Cell(const StackedRNNCells& cells) : Cell(make_cell("StackedRNNCells", config_of(cells))) {}

std::string Cell::name() const { return config_->value.value("name", ""); }

void FieldReader::shape(const char* key, Dims& field) {
  const auto& value = config_.find(key);
  if (!value.is_array()) return config_.problem(fmt::format("\"{}\" is {}, expected a list of dimensions", key, value.dump()));
  Dims dims;
  bool rest = false;
  for (const auto& dim : value) {
    const bool is_rest = dim.is_null() || (dim.is_number_integer() && dim.get<std::int64_t>() == -1);
    if (!is_rest && !is_whole(dim, 1))
      return config_.problem(fmt::format("\"{}\" is {}, expected positive dimensions or one -1", key, value.dump()));
    if (is_rest && rest) return config_.problem(fmt::format("\"{}\" is {}, only one dimension may be -1", key, value.dump()));
    rest = rest || is_rest;
    dims.push_back(is_rest ? -1 : dim.get<std::int64_t>());
  }
  field = dims;
}

void FieldReader::partial_shape(const char* key, Dims& field) {
  const auto& value = config_.find(key);
  const auto all = value.is_array() ? value : json::array({value});
  Dims dims;
  for (const auto& dim : all) {
    const bool open = value.is_array() && (dim.is_null() || dim == -1);
    if (!open && !is_whole(dim, 1))
      return config_.problem(fmt::format("\"{}\" is {}, expected positive dimensions, or null for the input's", key, value.dump()));
    dims.push_back(open ? -1 : dim.get<std::int64_t>());
  }
  field = dims;
}

void FieldReader::sides(const char* key, Dims& field, int spatial) {
  const auto& given = config_.find(key);
  const auto count = static_cast<std::size_t>(spatial);
  json value = given.is_null() ? json(field) : given;
  auto whole = [](const json& v) { return is_whole(v, 0) && v.get<std::int64_t>() < 65536; };
  // Those of a single dimension may stand without brackets of their own; those of a structure stand one after the other.
  if (value.is_array() && value.size() == 2 * count && (spatial == 1 || given.is_null())) {
    auto pairs = json::array();
    for (std::size_t d = 0; d < count; ++d) pairs.push_back({value[2 * d], value[2 * d + 1]});
    value = pairs;
  }
  if (!value.is_array()) value = std::vector<json>(count, value);
  Dims sides;
  for (const auto& side : value) {
    if (whole(side)) sides.insert(sides.end(), 2, side.get<std::int64_t>());
    if (side.is_array() && side.size() == 2 && whole(side[0]) && whole(side[1]))
      sides.insert(sides.end(), {side[0].get<std::int64_t>(), side[1].get<std::int64_t>()});
  }
  static constexpr const char* kForms[] = {"a number or [before, after]", "a number, [rows, columns] or [[top, bottom], [left, right]]",
                                           "a number, [planes, rows, columns] or a pair [before, after] for each of them"};
  if (value.size() != count || sides.size() != 2 * count) throw Error("\"{}\" is {}, expected {}", key, given.dump(), kForms[spatial - 1]);
  field = sides;
}

void FieldReader::axis(const char* key, std::int64_t& field) {
  const auto& value = config_.find(key);
  if (value.is_null()) return;
  const auto& only = value.is_array() && value.size() == 1 ? value[0] : value;
  if (!is_axis(only)) return config_.problem(fmt::format("\"{}\" is {}, expected the number of a dimension", key, value.dump()));
  field = only.get<std::int64_t>();
}

void FieldReader::axes(const char* key, Dims& field, Axes rule) {
  const auto& value = config_.find(key);
  if (rule == Axes::some_or_none && config_.says_null(key)) field.clear();
  if (value.is_null()) return;
  const auto all = value.is_array() ? value : json::array({value});
  if ((all.empty() && rule == Axes::some) || !std::all_of(all.begin(), all.end(), is_axis))
    return config_.problem(fmt::format("\"{}\" is {}, expected numbers of dimensions", key, value.dump()));
  field = all.get<Dims>();
}

// A default is a name, whose meaning is the file's.
void FieldReader::initializer(const std::string& key, Initializer& field) {
  field = config_.initializer(key, json_of(field)["class_name"]);
}

void FieldReader::weight(const std::string& name, Initializer& initializer, Regularizer& regularizer, Constraint& constraint) {
  this->initializer(name + "_initializer", initializer);
  regularizer = config_.regularizer(name + "_regularizer");
  constraint = config_.constraint(name + "_constraint");
}

void FieldReader::kernel(const std::string& name, Initializer& initializer, Regularizer& regularizer, Constraint& constraint) {
  initializer = config_.dialect().kernel_initializer;
  weight(name, initializer, regularizer, constraint);
}

void FieldReader::recurrent_activation(std::string& field) {
  field = config_.dialect().recurrent_activation;
  activation("recurrent_activation", field);
}

void FieldReader::reset_after(bool& field) {
  field = config_.dialect().reset_after;
  boolean("reset_after", field);
}

void FieldReader::unused_weight(const std::string& name) {
  config_.find(name + "_initializer");
  config_.find(name + "_regularizer");
  config_.find(name + "_constraint");
}

void FieldWriter::partial_shape(const char* key, Dims& field) {
  auto dims = json::array();
  for (auto dim : field) dims.push_back(dim < 0 ? json() : json(dim));
  set(key, dims);
}

void FieldWriter::sides(const char* key, Dims& field, int spatial) {
  const auto count = static_cast<std::size_t>(spatial);
  if (field.size() != count && field.size() != 2 * count) return set(key, field);
  auto pairs = json::array();
  for (std::size_t d = 0; d < count; ++d)
    pairs.push_back(field.size() == count ? json{field[d], field[d]} : json{field[2 * d], field[2 * d + 1]});
  set(key, spatial == 1 ? pairs[0] : pairs);
}

void FieldWriter::input_shape(Dims& field, std::int64_t batch_size) {
  if (field.empty()) return;
  auto shape = json::array({batch_size > 0 ? json(batch_size) : json()});
  for (auto dim : field) shape.push_back(dim);
  set("batch_input_shape", shape);
  set("dtype", "float32");
}

json FieldWriter::config_besides(const FieldWriter& defaults) const {
  auto config = config_;
  for (const auto& key : sparing_)
    if (config[key] == defaults.config_[key]) config.erase(key);
  return config;
}

const char* FieldLister::dimensions(int spatial) {
  static constexpr const char* kNames[] = {"steps", "rows, columns", "planes, rows, columns"};
  return kNames[spatial - 1];
}

std::string FieldLister::text_of(const Dims& dims) {
  std::string text;
  for (auto dim : dims) text += (text.empty() ? "" : ", ") + std::to_string(dim);
  return text;
}

std::string FieldLister::text_of(const Initializer& initializer) { return json_of(initializer)["class_name"].get<std::string>(); }

}  // namespace gradc
