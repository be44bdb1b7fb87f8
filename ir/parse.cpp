#include <algorithm>
#include <charconv>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "gradc/error.h"
#include "ir/graph_parser.h"
#include "ir/text.h"
#include "ir/verify.h"

namespace gradc {

Graph GraphParser::graph() {
  values_.clear();
  expect_word("graph");
  graph_.name = take(Token::symbol_name, "a name such as @model").text;
  if (accept_word("target")) graph_.target = target();
  if (accept_word("lanes")) {
    expect_word("features");
    graph_.lanes = Lanes::features;
  }
  expect("{");
  while (!accept("}")) statement();
  return std::exchange(graph_, {});
}

void GraphParser::statement() {
  if (!accept_word("kernel")) return op(-1);
  Kernel kernel{.name = take(Token::symbol_name, "a kernel's name such as @conv").text};
  if (accept_word("phase")) kernel.phase = static_cast<std::int32_t>(integer());
  std::tie(kernel.form, kernel.size) = form();
  graph_.kernels.push_back(kernel);
  expect("{");
  while (!accept("}")) op(static_cast<std::int32_t>(graph_.kernels.size()) - 1);
}

std::pair<KernelForm, std::int64_t> GraphParser::form() {
  for (auto form : {KernelForm::tile, KernelForm::once, KernelForm::flat, KernelForm::rows, KernelForm::columns}) {
    if (!accept_word(name_of(form))) continue;
    return {form, form == KernelForm::once ? 0 : positive_integer()};
  }
  return {KernelForm::tile, 0};
}

void GraphParser::op(std::int32_t kernel) {
  auto start = token().at;
  std::vector<Token> results;
  if (token().kind == Token::value) {
    list([&] { results.push_back(take(Token::value, "a value such as %x")); });
    expect("=");
  }
  auto name = take(Token::word, "an op");
  auto kind = find_op(name.text);
  if (!kind) fail(name.at, fmt::format("there is no op '{}'", name.text));
  Op op{.kind = *kind, .kernel = kernel};
  if (token().kind == Token::string) op.attributes.set("name", take(Token::string, "a name").text);
  if (token().kind == Token::value)
    list([&] {
      auto operand = take(Token::value, "an operand such as %x");
      auto found = values_.find(operand.text);
      if (found == values_.end()) fail(operand.at, fmt::format("%{} is not defined before this use", operand.text));
      op.operands.push_back(found->second);
    });
  if (accept("{")) {
    list([&] { attribute(op.attributes); });
    expect("}");
  }
  std::vector<Type> types;
  if (accept(":")) list([&] { types.push_back(type()); });
  if (accept_word("loc")) op.loc = take(Token::string, "a layer's name in quotes").text;
  if (accept_word("stage")) op.stage = stage();
  if (is_word("body")) op.body = body();
  if (types.size() != results.size())
    fail(start, fmt::format("{} result{}, but {} type{} stated", results.size(), results.size() == 1 ? "" : "s", types.size(),
                            types.size() == 1 ? " is" : "s are"));
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (values_.contains(results[i].text)) fail(results[i].at, fmt::format("%{} is defined twice", results[i].text));
    auto id = graph_.add_value(types[i], results[i].text);
    values_[results[i].text] = id;
    op.results.push_back(id);
  }
  graph_.ops.push_back(op);
  if (auto why = problem_of(graph_, op); !why.empty()) fail(name.at, fmt::format("{}: {}", name.text, why));
}

std::shared_ptr<const Graph> GraphParser::body() {
  if (in_body_) fail(token().at, "a body holds no loop");
  in_body_ = true;
  advance();
  auto graph = std::make_shared<Graph>();
  graph->name = "body";
  graph->lanes = graph_.lanes;
  graph->target = graph_.target;
  std::swap(graph_, *graph);
  auto values = std::exchange(values_, {});
  expect("{");
  while (!accept("}")) statement();
  std::swap(graph_, *graph);
  values_ = std::move(values);
  in_body_ = false;
  return graph;
}

Target GraphParser::target() {
  const auto text = take(Token::string, "a target in quotes");
  try {
    return parse_target(text.text);
  } catch (const Error& error) {
    fail(text.at, error.what());
  }
}

Stage GraphParser::stage() {
  const auto name = take(Token::word, "forward, backward or update");
  for (auto stage : {Stage::forward, Stage::backward, Stage::update})
    if (name.text == name_of(stage)) return stage;
  fail(name.at, fmt::format("there is no stage '{}'; forward, backward and update are", name.text));
}

void GraphParser::attribute(Attributes& attributes) {
  auto name = take(Token::word, "an attribute's name");
  expect("=");
  if (token().kind == Token::string) {
    attributes.set(name.text, take(Token::string, "a string").text);
  } else if (accept("[")) {
    if (is("["))
      attributes.set(name.text, pairs());
    else
      attributes.set(name.text, Ints(dims()));
  } else if (token().kind == Token::number && token().text.find_first_of(".en") == std::string::npos) {
    attributes.set(name.text, integer());
  } else {
    const auto found = token();
    if (found.kind != Token::number && found.kind != Token::word) fail(found.at, "expected a number, a string or a list");
    double value = 0;
    auto [end, problem] = std::from_chars(found.text.data(), found.text.data() + found.text.size(), value);
    if (problem != std::errc() || end != found.text.data() + found.text.size()) fail(found.at, "expected a number");
    advance();
    attributes.set(name.text, value);
  }
}

Pairs GraphParser::pairs() {
  Pairs pairs;
  list([&] {
    expect("[");
    const auto first = integer();
    expect(",");
    pairs.push_back({first, integer()});
    expect("]");
  });
  expect("]");
  return pairs;
}

std::vector<std::int64_t> GraphParser::dims() {
  std::vector<std::int64_t> dims;
  if (accept("]")) return dims;
  list([&] { dims.push_back(accept_word("B") ? kBatch : integer()); });
  expect("]");
  return dims;
}

Type GraphParser::type() {
  auto name = take(Token::word, "a type such as f32[B,10]");
  Type type;
  if (name.text == "f32")
    type.dtype = DType::f32;
  else if (name.text == "i32")
    type.dtype = DType::i32;
  else if (name.text == "u8")
    type.dtype = DType::u8;
  else
    fail(name.at, fmt::format("there is no element type '{}'; f32, i32 and u8 are", name.text));
  expect("[");
  type.dims = dims();
  return type;
}

Graph parse(std::string_view text, const std::string& file) {
  GraphParser parser(text, file);
  auto graph = parser.graph();
  parser.expect_end("graph");
  try {
    verify(graph);
  } catch (const InternalError& error) {
    throw Error("{}: {}", file, error.what());
  }
  return graph;
}

}  // namespace gradc
