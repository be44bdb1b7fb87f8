// docs/parity.md: each name that Keras 3 and the layers API of tf.js export, and what of it gradc has. What is there gradc's own tables
// say; tests/parity/reasons.json has the reason for what is not, or is otherwise. GRADC_UPDATE=1 writes the page anew.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "frontend/activations.h"
#include "frontend/config_reader.h"
#include "frontend/constraints.h"
#include "frontend/initializers.h"
#include "frontend/layers/layers.h"
#include "frontend/losses.h"
#include "frontend/metrics.h"
#include "frontend/names.h"
#include "frontend/optimizers.h"
#include "frontend/regularizers.h"
#include "frontend/schedules.h"
#include "gradc/callbacks.h"
#include "gradc/error.h"
#include "support/files.h"
#include "tests/parity/recorded.h"

namespace gradc::test {
namespace {

using nlohmann::json;
using Names = std::vector<std::string>;

/// What a reader of files says of an object of this class and config.
template <class Read>
std::string problems_of(Read read, const std::string& name, const json& config) {
  Names problems;
  try {
    read(json{{"class_name", name}, {"config", config}}, problems);
  } catch (const Error& error) {
    problems.push_back(error.what());
  }
  return fmt::format("{}", fmt::join(problems, "; "));
}

template <auto read>
bool reads(const std::string& name) {
  return problems_of(read, name, json::object()).find("is not known") == std::string::npos;
}

template <auto read>
bool reads_option(const std::string& name, const std::string& option) {
  const auto problems = problems_of(read, name, {{option, "?"}});
  return problems.find("is not an option of it") == std::string::npos &&
         problems.find("an option that it does not have") == std::string::npos;
}

/// The names of the structures that a variant may hold.
template <class Variant, std::size_t i = 0>
void add_names(std::set<std::string>& names) {
  if constexpr (i < std::variant_size_v<Variant>) {
    auto of = []<class T>(std::type_identity<T>) { return std::string(__PRETTY_FUNCTION__); };
    // "... [with T = gradc::EarlyStopping]", with more behind it.
    auto text = of(std::type_identity<std::variant_alternative_t<i, Variant>>());
    text = text.substr(text.find("T = gradc::") + std::string_view("T = gradc::").size());
    names.insert(plain_name(text.substr(0, text.find_first_of(";]"))));
    add_names<Variant, i + 1>(names);
  }
}

/// The options of the layers and cells, by their plain names.
const std::map<std::string, std::set<std::string>>& layers() {
  static const auto all = [] {
    std::map<std::string, std::set<std::string>> all;
    auto add = [&](const char* name, const std::vector<FieldLister::Field>& fields) {
      auto& options = all[plain_name(name)];
      for (const auto& field : fields) {
        const auto either = field.name.find(" or ");
        options.insert(field.name.substr(0, either));
        if (either != std::string::npos) options.insert(field.name.substr(either + 4));
      }
      options.insert({"trainable", "activity_regularizer", "data_format"});  // what every layer has
    };
    for (const auto& layer : all_layers()) add(layer.class_name, layer.fields());
    for (const auto& cell : all_cells()) add(cell.class_name, cell.fields());
    return all;
  }();
  return all;
}

bool is_metric(const std::string& name) { return is_own_metric(name) || find_loss(name) != nullptr; }

bool loss_takes(const std::string& name, const std::string& option) { return option == "reduction" || find_loss(name)->has(option); }

bool metric_takes(const std::string& name, const std::string& option) {
  if (!is_own_metric(name)) return loss_takes(name, option);
  const auto& all = metric_options();
  return std::any_of(all.begin(), all.end(), [&](const auto& each) { return each.name == option && takes_option(Metric(name), each); });
}

bool is_callback(const std::string& name) {
  std::set<std::string> names;
  add_names<Callback>(names);
  return names.contains(plain_name(name));
}

constexpr auto read_optimizer = [](const json& value, Names&) { optimizer_from_json(value); };
constexpr auto read_initializer = [](const json& value, Names&) { initializer_from_json(value); };

struct Kind {
  const char* name;
  const char* title;
  bool (*has)(const std::string&);
  bool (*takes)(const std::string& name, const std::string& option);  ///< Of what it has.
};

const Kind kinds[] = {
    {"layers", "Layers", [](const std::string& name) { return layers().contains(plain_name(name)); },
     [](const std::string& name, const std::string& option) { return layers().at(plain_name(name)).contains(option); }},
    {"losses", "Losses", [](const std::string& name) { return find_loss(name) != nullptr; }, loss_takes},
    {"metrics", "Metrics", is_metric, metric_takes},
    {"optimizers", "Optimizers", reads<read_optimizer>, reads_option<read_optimizer>},
    {"schedules", "Schedules of learning rates", reads<learning_rate_from_json>, reads_option<learning_rate_from_json>},
    {"activations", "Activations", is_known_activation, nullptr},
    {"initializers", "Initializers", reads<read_initializer>, reads_option<read_initializer>},
    {"regularizers", "Regularizers", reads<regularizer_from_json>, reads_option<regularizer_from_json>},
    {"constraints", "Constraints", reads<constraint_from_json>, reads_option<constraint_from_json>},
    {"callbacks", "Callbacks", is_callback, nullptr},
};

/// What tests/parity/reasons.json says of a kind, and which of it nobody asked for.
class Reasons {
 public:
  Reasons(const json& all, const std::string& kind) {
    add(all.at("everywhere"));
    unasked_.clear();
    add(all.value(kind, json::object()));
  }

  /// Empty if there is none.
  std::string of(const std::string& what, const std::string& name) {
    const auto found = reasons_.find(what + " " + name);
    if (found == reasons_.end()) return "";
    unasked_.erase(found->first);
    return found->second;
  }
  const std::set<std::string>& unasked() const { return unasked_; }

 private:
  void add(const json& part) {
    for (const auto& [what, reasons] : part.items())
      for (const auto& [names, reason] : reasons.items()) {
        std::istringstream each(names);
        for (std::string name; each >> name;) {
          EXPECT_TRUE(reasons_.emplace(what + " " + name, reason).second) << name << " has two reasons";
          unasked_.insert(what + " " + name);
        }
      }
  }

  std::map<std::string, std::string> reasons_;
  std::set<std::string> unasked_;
};

/// One thing by all of its names.
struct Row {
  Names keras, tfjs, options;
  std::string known_as;  ///< In gradc, or empty.

  const std::string& name() const { return keras.empty() ? tfjs.front() : keras.front(); }
};

/// What stands for a thing whatever it is called. A metric by the name of a loss is that loss, which may be another than the metric of that
/// name, as are cosines.
std::string key_of(const std::string& kind, const std::string& name) {
  if (kind == "losses" || (kind == "metrics" && !is_own_metric(name)))
    if (const auto* loss = find_loss(name)) return std::string("loss ") + loss->name;
  return plain_name(name);
}

std::vector<Row> rows_of(const Kind& kind, const json& keras, const json& tfjs, Reasons& reasons) {
  std::map<std::string, Row> rows;
  auto add = [&](const json& things, Names Row::* names, bool aliases) {
    for (const auto& thing : things) {
      const auto name = thing["name"].get<std::string>(), is = thing.value("is", name);
      const auto same = reasons.of("same", name), known = same.empty() ? is : same;
      if ((name != known) != aliases) continue;
      auto& row = rows[key_of(kind.name, known)];
      auto& all = row.*names;
      if (std::find(all.begin(), all.end(), name) == all.end()) all.push_back(name);
      if (row.options.empty()) row.options = thing.value("options", Names());
      if (kind.has(known)) row.known_as = known;
    }
  };
  for (bool aliases : {false, true}) {
    add(keras, &Row::keras, aliases);
    add(tfjs, &Row::tfjs, aliases);
  }
  std::vector<Row> sorted;
  for (auto& [key, row] : rows) sorted.push_back(std::move(row));
  std::sort(sorted.begin(), sorted.end(), [](const Row& a, const Row& b) {
    return std::pair(plain_name(a.name()), a.name()) < std::pair(plain_name(b.name()), b.name());
  });
  return sorted;
}

std::string quoted(const Names& names) { return names.empty() ? "" : fmt::format("`{}`", fmt::join(names, "`, `")); }

/// The reason under any of a row's names.
std::string reason_of(const std::string& what, const Row& row, Reasons& reasons) {
  for (const auto* names : {&row.keras, &row.tfjs})
    for (const auto& name : *names)
      if (auto reason = reasons.of(what, name); !reason.empty()) return reason;
  return "";
}

std::string status_of(const Row& row, Reasons& reasons) {
  if (row.known_as.empty()) {
    const auto reason = reason_of("not there", row, reasons);
    EXPECT_FALSE(reason.empty()) << row.name() << " is not there: tests/parity/reasons.json has to say why";
    return "not there: " + reason;
  }
  std::string status = "there";
  auto is_it = [&](const auto& name) { return plain_name(name) == plain_name(row.known_as); };
  if (std::none_of(row.keras.begin(), row.keras.end(), is_it) && std::none_of(row.tfjs.begin(), row.tfjs.end(), is_it))
    status += " as `" + row.known_as + "`";
  const auto difference = reason_of("differs", row, reasons);
  return difference.empty() ? status : status + ", differs: " + difference;
}

/// Options of Keras's constructor that gradc does not take, or takes and ignores, with the reasons.
std::string options_of(const Kind& kind, const Row& row, Reasons& reasons) {
  if (row.known_as.empty() || kind.takes == nullptr) return "";
  std::string text;
  for (const auto& option : row.options) {
    if (option == "name" || option == "dtype" || kind.takes(row.known_as, option)) continue;
    auto reason = reasons.of("options", row.name() + "." + option);
    if (reason.empty()) reason = reasons.of("options", option);
    const auto& idle = idle_options();
    const auto found = std::find_if(idle.begin(), idle.end(), [&](const IdleOption& each) { return each.key == option; });
    if (reason.empty() && found != idle.end() && std::string_view(kind.name) == "layers")
      reason = fmt::format("{}: {}", found->value.is_null() ? "changes nothing" : "only " + found->value.dump(), found->reason);
    EXPECT_FALSE(reason.empty()) << row.name() << " does not take " << option << ": tests/parity/reasons.json has to say why";
    text += fmt::format("{}`{}` ({})", text.empty() ? "" : "; ", option, reason);
  }
  return text;
}

std::string exported(const std::string& command) {
  TemporaryFolder folder;
  const auto file = folder.path() / "exports.json";
  run_command(command + " '" + file.string() + "'");
  return read_file(file);
}

const json& exports_of_keras() {
  static const auto all = json::parse(exported(GRADC_KERAS " '" GRADC_SOURCE "/tests/parity/names.py'"));
  return all;
}

std::string page() {
  const auto& keras = exports_of_keras();
  const auto tfjs = json::parse(exported("GRADC_TFJS='" GRADC_TFJS "' node '" GRADC_SOURCE "/tests/tfjs/names.js'"));
  const auto all_reasons = json::parse(read_file(GRADC_SOURCE "/tests/parity/reasons.json"));
  std::string counts = "| | there | there, differs | not there |\n| --- | --- | --- | --- |\n", tables;
  for (const auto& kind : kinds) {
    Reasons reasons(all_reasons, kind.name);
    const auto options = kind.takes == nullptr ? "" : " options of Keras that it does not take |";
    tables += fmt::format("\n## {}\n\n| Keras 3 | tf.js | gradc |{}\n| --- | --- | --- |{}\n", kind.title, options,
                          kind.takes == nullptr ? "" : " --- |");
    int there = 0, differs = 0, missing = 0;
    for (const auto& row : rows_of(kind, keras.at(kind.name), tfjs.at(kind.name), reasons)) {
      const auto status = status_of(row, reasons);
      tables += fmt::format("| {} | {} | {} |{}\n", quoted(row.keras), quoted(row.tfjs), status,
                            kind.takes == nullptr ? "" : fmt::format(" {} |", options_of(kind, row, reasons)));
      ++(row.known_as.empty() ? missing : status.find(", differs: ") == std::string::npos ? there : differs);
    }
    counts += fmt::format("| {} | {} | {} | {} |\n", kind.title, there, differs, missing);
    for (const auto& reason : reasons.unasked())
      ADD_FAILURE() << "tests/parity/reasons.json, " << kind.name << ": \"" << reason << "\" is a reason for what is there, or is no name";
  }
  return counts + tables;
}

TEST(Docs, ParityHasEachNameOfKerasAndTfjs) {
  const auto file = std::string(GRADC_SOURCE "/docs/parity.md"), before = read_file(file), now = page();
  const auto begin = before.find("| |");
  ASSERT_NE(begin, std::string::npos) << file << " has its tables after its introduction";
  if (before.substr(begin) == now) return;
  if (std::getenv("GRADC_UPDATE") != nullptr)
    std::ofstream(file) << before.substr(0, begin) + now;
  else
    ADD_FAILURE() << file << " is not what gradc's tables and tests/parity/reasons.json make of it; GRADC_UPDATE=1 writes it anew";
}

/// A default in the words of `gradc opt --list-layers`.
std::string listed(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number()) return fmt::format("{}", value.get<double>());
  if (!value.is_array()) return value.dump();
  std::string all;
  for (const auto& each : value) all += (all.empty() ? "" : ", ") + listed(each);
  return all;
}

/// The same of all names and spellings of a default: "1, 1" for all dimensions is 1, "uniform" is RandomUniform.
std::string plain_default(const std::string& text) {
  std::set<std::string> parts;
  for (std::size_t from = 0; from <= text.size(); from = std::min(text.find(", ", from), text.size()) + 2)
    parts.insert(text.substr(from, text.find(", ", from) - from));
  const auto name = parts.size() == 1 ? plain_name(*parts.begin()) : text;
  return name == "uniform" ? "randomuniform" : name;
}

TEST(Docs, LayersHaveTheDefaultsOfKeras) {
  int compared = 0;
  for (const auto& row : exports_of_keras().at("layers"))
    for (const auto& layer : all_layers())
      if (plain_name(row["name"]) == plain_name(layer.class_name))
        for (const auto& field : layer.fields())
          if (row["defaults"].contains(field.name)) {
            ++compared;
            EXPECT_EQ(plain_default(field.fallback), plain_default(listed(row["defaults"][field.name])))
                << layer.class_name << " " << field.name;
          }
  EXPECT_GT(compared, 300);
}

}  // namespace
}  // namespace gradc::test
