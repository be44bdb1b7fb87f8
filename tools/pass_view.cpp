#include "tools/pass_view.h"

#include <iostream>
#include <memory>
#include <sstream>

#include <fmt/format.h>
#include <dtl/dtl.hpp>

#include "ir/text.h"

namespace gradc {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

}  // namespace

std::string unified_diff(const std::string& before, const std::string& after) {
  if (before == after) return "";
  dtl::Diff<std::string> diff(lines_of(before), lines_of(after));
  diff.onHuge();
  diff.compose();
  diff.composeUnifiedHunks();
  std::ostringstream out;
  diff.printUnifiedFormat(out);
  return out.str();
}

void PassView::add_options(cli::Command command) {
  const auto all = command.add_flag("--print-after-all", after_all, "Print the graph after each pass");
  command.add_flag("--print-changed", changed, "Print what each pass changes, as a unified diff").excludes(all);
  command.add_flag("--time-passes", time, "Print the time of each pass to standard error");
}

PassObserver PassView::observer(std::ostream& out, const Graph& first) const {
  PassObserver observer;
  auto last = std::make_shared<std::string>(changed ? print(first) : "");
  observer.after = [view = *this, &out, last](const Pass& pass, const Graph& graph, double seconds) {
    if (view.time) std::cerr << fmt::format("{:<16} {:9.3f} ms  {} ops\n", pass.name, seconds * 1e3, graph.ops.size());
    if (view.after_all) out << "; after " << text_of(pass) << "\n" << print(graph) << "\n";
    if (!view.changed) return;
    auto text = print(graph);
    auto diff = unified_diff(*last, text);
    out << "; " << text_of(pass) << (diff.empty() ? " changes nothing\n" : "\n" + diff);
    *last = std::move(text);
  };
  return observer;
}

}  // namespace gradc
