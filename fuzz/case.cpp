#include "fuzz/case.h"

#include <nlohmann/json.hpp>

#include "fuzz/graphs.h"
#include "fuzz/models.h"
#include "gradc/error.h"
#include "ir/text.h"
#include "support/files.h"

namespace gradc::fuzz {
namespace {

using nlohmann::json;

constexpr const char* kComment = "; configuration ";
constexpr const char* kMetadata = "userDefinedMetadata";

}  // namespace

Case random_case(Case::Kind kind, Choices& choices) {
  auto configuration = random_configuration(choices);
  return {kind, kind == Case::Kind::model ? random_model(choices).dump(1) + "\n" : print(random_graph(choices)), configuration};
}

std::string file_text(const Case& a_case) {
  auto configuration = to_json(a_case.configuration);
  if (a_case.kind == Case::Kind::graph) return kComment + configuration.dump() + "\n" + a_case.text;
  auto document = json::parse(a_case.text);
  document[kMetadata] = {{"configuration", configuration}};
  return document.dump(1) + "\n";
}

std::string file_extension(Case::Kind kind) { return kind == Case::Kind::model ? ".json" : ".ir"; }

Case read_case(const std::filesystem::path& file) {
  auto text = read_file(file);
  Case result{.text = text};
  result.configuration.batch = 4;
  try {
    if (file.extension() == ".ir") {
      result.kind = Case::Kind::graph;
      if (text.starts_with(kComment)) {
        auto end = text.find('\n');
        auto begin = std::string_view(kComment).size();
        result.configuration = configuration_from_json(json::parse(text.substr(begin, end - begin)));
      }
    } else {
      auto document = json::parse(text);
      if (document.contains(kMetadata) && document[kMetadata].contains("configuration"))
        result.configuration = configuration_from_json(document[kMetadata]["configuration"]);
    }
  } catch (const json::exception& error) {
    throw Error("{}: not a case of gradc fuzz: {}", file.string(), error.what());
  }
  return result;
}

}  // namespace gradc::fuzz
