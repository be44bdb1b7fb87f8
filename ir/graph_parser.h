#pragma once
/// The grammar of a graph's text (ir/text.h), for parsers of texts that hold graphs.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "ir/graph.h"
#include "ir/lexer.h"

namespace gradc {

class GraphParser : public Lexer {
 public:
  using Lexer::Lexer;

  Graph graph();
  /// A kernel's form and size: nothing, `images N`, `once`, `flat N`, `rows N` or `columns N`.
  std::pair<KernelForm, std::int64_t> form();
  Target target();
  Type type();

 private:
  void statement();
  void op(std::int32_t kernel);
  /// What a loop does, behind the word.
  std::shared_ptr<const Graph> body();
  Stage stage();
  void attribute(Attributes& attributes);
  /// Whole numbers or B, behind the opening bracket.
  std::vector<std::int64_t> dims();
  Pairs pairs();

  Graph graph_;
  std::map<std::string, ValueId> values_;
  bool in_body_ = false;
};

}  // namespace gradc
