#pragma once
/// The text form of a graph. docs/ir.md describes it; printing, parsing and printing again gives the same text.

#include <string>
#include <string_view>

#include "ir/graph.h"

namespace gradc {

/// A string of the text form: in quotes, with those, backslashes and ends of lines escaped. Graphviz reads the same.
std::string quote(const std::string& text);

std::string print(const Graph& graph);
std::string print(const Graph& graph, const Op& op);

/// Reads what `print` writes. Throws gradc::Error with `file`, line, column, the line itself and a caret under the place.
/// The graph is verified too, so that every parsed graph is a valid one.
Graph parse(std::string_view text, const std::string& file = "<text>");

}  // namespace gradc
