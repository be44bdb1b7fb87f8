#pragma once
#include <map>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "ir/graph.h"

namespace gradc {

/// The option --lanes of programs that time steps. An empty one leaves the choice to the layout pass.
inline CLI::Option* add_lanes_option(CLI::App& app, std::optional<Lanes>& lanes) {
  static const std::map<std::string, Lanes> names = {{"images", Lanes::batch}, {"features", Lanes::features}};
  return app
      .add_option_function<std::string>(
          "--lanes", [&lanes](const std::string& name) { lanes = names.at(name); },
          "What vectors hold: neighbouring images or features, instead of what the layout pass chooses")
      ->check([](const std::string& name) { return names.contains(name) ? "" : "is neither images nor features, but " + name; })
      ->type_name("images|features");
}

}  // namespace gradc
