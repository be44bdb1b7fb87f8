#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "ir/text.h"
#include "ir/verify.h"
#include "support/error.h"

namespace gradc {
namespace {

struct Token {
  enum Kind { word, value, symbol_name, string, number, punctuation, end } kind = end;
  std::string text;
  std::size_t at = 0;
};

class Parser {
 public:
  Parser(std::string_view text, const std::string& file) : text_(text), file_(file) { advance(); }

  Graph graph() {
    expect_word("graph");
    graph_.name = take(Token::symbol_name, "a name such as @model").text;
    if (is_word("target")) {
      advance();
      graph_.target = target();
    }
    if (is_word("lanes")) {
      advance();
      expect_word("features");
      graph_.lanes = Lanes::features;
    }
    expect("{");
    while (!is("}")) statement();
    advance();
    if (token_.kind != Token::end) fail(token_.at, "expected nothing after the graph");
    return std::move(graph_);
  }

 private:
  [[noreturn]] void fail(std::size_t at, const std::string& what) const {
    auto begin = at == 0 ? 0 : text_.rfind('\n', at - 1);
    begin = begin == std::string_view::npos || at == 0 ? 0 : begin + 1;
    auto line = text_.substr(begin, text_.find('\n', begin) - begin);
    auto number = 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(begin), '\n');
    throw Error("{}:{}:{}: {}\n  {}\n  {}^", file_, number, at - begin + 1, what, line, std::string(at - begin, ' '));
  }

  static bool is_word_char(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '/' || c == '-';
  }

  void advance() {
    while (at_ < text_.size() && (std::isspace(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == ';')) {
      if (text_[at_] == ';')  // a comment, up to the end of its line
        at_ = std::min(text_.find('\n', at_), text_.size());
      else
        ++at_;
    }
    token_ = {Token::end, "", at_};
    if (at_ == text_.size()) return;
    char c = text_[at_];
    if (c == '"') return string_token();
    if (c == '%' || c == '@') {
      token_.kind = c == '%' ? Token::value : Token::symbol_name;
      ++at_;
      token_.text = word();
      if (token_.text.empty()) fail(token_.at, "expected a name");
      return;
    }
    if (std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '-') return number_token();
    if (is_word_char(c)) {
      token_.kind = Token::word;
      token_.text = word();
      return;
    }
    token_.kind = Token::punctuation;
    token_.text = std::string(1, c);
    ++at_;
  }

  std::string word() {
    auto begin = at_;
    while (at_ < text_.size() && is_word_char(text_[at_])) ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  void number_token() {
    token_.kind = Token::number;
    auto begin = at_++;
    while (at_ < text_.size()) {
      char c = text_[at_], before = text_[at_ - 1];
      if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '.' && !((c == '+' || c == '-') && (before == 'e' || before == 'E')))
        break;
      ++at_;
    }
    token_.text = std::string(text_.substr(begin, at_ - begin));
  }

  void string_token() {
    token_.kind = Token::string;
    for (++at_; at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\n'; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
        ++at_;
        token_.text += text_[at_] == 'n' ? '\n' : text_[at_];
      } else {
        token_.text += text_[at_];
      }
    }
    if (at_ >= text_.size() || text_[at_] != '"') fail(token_.at, "this string has no end");
    ++at_;
  }

  bool is(std::string_view punctuation) const { return token_.kind == Token::punctuation && token_.text == punctuation; }
  bool is_word(std::string_view text) const { return token_.kind == Token::word && token_.text == text; }

  Token take(Token::Kind kind, const char* what) {
    if (token_.kind != kind) fail(token_.at, std::string("expected ") + what);
    auto taken = token_;
    advance();
    return taken;
  }
  void expect(std::string_view punctuation) {
    if (!is(punctuation)) fail(token_.at, fmt::format("expected '{}'", punctuation));
    advance();
  }
  void expect_word(std::string_view text) {
    if (!is_word(text)) fail(token_.at, fmt::format("expected '{}'", text));
    advance();
  }
  bool accept(std::string_view punctuation) {
    if (!is(punctuation)) return false;
    advance();
    return true;
  }

  std::int64_t integer() {
    auto token = take(Token::number, "a whole number");
    std::int64_t value = 0;
    auto [end, problem] = std::from_chars(token.text.data(), token.text.data() + token.text.size(), value);
    if (problem != std::errc() || end != token.text.data() + token.text.size()) fail(token.at, "expected a whole number");
    return value;
  }

  void statement() {
    if (!is_word("kernel")) return op(-1);
    advance();
    Kernel kernel{.name = take(Token::symbol_name, "a kernel's name such as @conv").text};
    if (is_word("phase")) {
      advance();
      kernel.phase = static_cast<std::int32_t>(integer());
    }
    std::tie(kernel.form, kernel.size) = form();
    graph_.kernels.push_back(kernel);
    expect("{");
    while (!is("}")) op(static_cast<std::int32_t>(graph_.kernels.size()) - 1);
    advance();
  }

  std::pair<KernelForm, std::int64_t> form() {
    for (auto form : {KernelForm::tile, KernelForm::once, KernelForm::flat, KernelForm::rows}) {
      if (!is_word(name_of(form))) continue;
      advance();
      if (form == KernelForm::once) return {form, 0};
      const auto at = token_.at;
      const auto size = integer();
      if (size < 1) fail(at, "expected a positive number");
      return {form, size};
    }
    return {KernelForm::tile, 0};
  }

  void op(std::int32_t kernel) {
    auto start = token_.at;
    std::vector<Token> results;
    if (token_.kind == Token::value) {
      do results.push_back(take(Token::value, "a value such as %x"));
      while (accept(","));
      expect("=");
    }
    auto name = take(Token::word, "an op");
    auto kind = find_op(name.text);
    if (!kind) fail(name.at, fmt::format("there is no op '{}'", name.text));
    Op op{.kind = *kind, .kernel = kernel};
    if (token_.kind == Token::string) op.attributes.set("name", take(Token::string, "a name").text);
    if (token_.kind == Token::value) do {
        auto operand = take(Token::value, "an operand such as %x");
        auto found = values_.find(operand.text);
        if (found == values_.end()) fail(operand.at, fmt::format("%{} is not defined before this use", operand.text));
        op.operands.push_back(found->second);
      } while (accept(","));
    if (accept("{")) {
      do attribute(op.attributes);
      while (accept(","));
      expect("}");
    }
    std::vector<Type> types;
    if (accept(":")) do
        types.push_back(type());
      while (accept(","));
    if (is_word("loc")) {
      advance();
      op.loc = take(Token::string, "a layer's name in quotes").text;
    }
    if (is_word("stage")) {
      advance();
      op.stage = stage();
    }
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

  Target target() {
    const auto text = take(Token::string, "a target in quotes");
    try {
      return parse_target(text.text);
    } catch (const Error& error) {
      fail(text.at, error.what());
    }
  }

  Stage stage() {
    const auto name = take(Token::word, "forward, backward or update");
    for (auto stage : {Stage::forward, Stage::backward, Stage::update})
      if (name.text == name_of(stage)) return stage;
    fail(name.at, fmt::format("there is no stage '{}'; forward, backward and update are", name.text));
  }

  void attribute(Attributes& attributes) {
    auto name = take(Token::word, "an attribute's name");
    expect("=");
    if (token_.kind == Token::string) {
      attributes.set(name.text, take(Token::string, "a string").text);
    } else if (accept("[")) {
      Ints list;
      if (!is("]")) do
          list.push_back(dim());
        while (accept(","));
      expect("]");
      attributes.set(name.text, list);
    } else if (token_.kind == Token::number && token_.text.find_first_of(".en") == std::string::npos) {
      attributes.set(name.text, integer());
    } else {
      auto token = token_;
      if (token.kind != Token::number && token.kind != Token::word) fail(token.at, "expected a number, a string or a list");
      double value = 0;
      auto [end, problem] = std::from_chars(token.text.data(), token.text.data() + token.text.size(), value);
      if (problem != std::errc() || end != token.text.data() + token.text.size()) fail(token.at, "expected a number");
      advance();
      attributes.set(name.text, value);
    }
  }

  std::int64_t dim() {
    if (is_word("B")) {
      advance();
      return kBatch;
    }
    return integer();
  }

  Type type() {
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
    if (!is("]")) do
        type.dims.push_back(dim());
      while (accept(","));
    expect("]");
    return type;
  }

  std::string_view text_;
  std::string file_;
  std::size_t at_ = 0;
  Token token_;
  Graph graph_;
  std::map<std::string, ValueId> values_;
};

}  // namespace

Graph parse(std::string_view text, const std::string& file) {
  auto graph = Parser(text, file).graph();
  try {
    verify(graph);
  } catch (const InternalError& error) {
    throw Error("{}: {}", file, error.what());
  }
  return graph;
}

}  // namespace gradc
