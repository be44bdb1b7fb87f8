#pragma once
/// What `opt` and `dump` show of passes as they run.

#include <ostream>
#include <string>

#include "passes/pipeline.h"
#include "support/command_line.h"

namespace gradc {

struct PassView {
  bool after_all = false, changed = false, time = false;

  void add_options(cli::Command command);
  /// Whether the graph at the end would only repeat what was shown.
  bool shows_graphs() const { return after_all || changed; }
  /// Shows what was asked for on `out`, and times on stderr. The graph before the first pass is `first`.
  PassObserver observer(std::ostream& out, const Graph& first) const;
};

/// The lines that differ between two texts, as `diff -u` prints them without the names of files; empty if there are none.
std::string unified_diff(const std::string& before, const std::string& after);

}  // namespace gradc
