#pragma once
/// A case: a model or a graph, and how it is run. A file holds all of it.

#include <filesystem>
#include <string>

#include "fuzz/choices.h"
#include "fuzz/configuration.h"

namespace gradc::fuzz {

struct Case {
  enum class Kind { model, graph } kind = Kind::model;
  std::string text;  ///< A model.json document, or the text of a graph.
  Configuration configuration;
};

Case random_case(Case::Kind kind, Choices& choices);

/// The file's text: a model.json with the configuration in its userDefinedMetadata, or a graph with the configuration as a first line of
/// comment. Both are what other commands of gradc read.
std::string file_text(const Case& a_case);
/// ".json" or ".ir".
std::string file_extension(Case::Kind kind);
/// Reads such a file. One without a configuration is run with the defaults, on a batch of 4.
Case read_case(const std::filesystem::path& file);

}  // namespace gradc::fuzz
