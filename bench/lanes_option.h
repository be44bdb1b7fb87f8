#pragma once
#include <map>
#include <optional>
#include <string>

#include "ir/graph.h"
#include "support/command_line.h"

namespace gradc {

/// The option --lanes of programs that time steps. An empty one leaves the choice to the layout pass.
inline cli::Option add_lanes_option(cli::Command command, std::optional<Lanes>& lanes) {
  static const std::map<std::string, Lanes> names = {{"images", Lanes::batch}, {"features", Lanes::features}};
  return command
      .add_option(
          "--lanes", [&lanes](const std::string& name) { lanes = names.at(name); },
          "What vectors hold: neighbouring images or features, instead of what the layout pass chooses")
      .check([](const std::string& name) { return names.contains(name) ? "" : "is neither images nor features, but " + name; })
      .type_name("images|features");
}

}  // namespace gradc
