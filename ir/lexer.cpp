#include "ir/lexer.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include <fmt/format.h>

#include "gradc/error.h"

namespace gradc {
namespace {

bool is_word_char(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '/' || c == '-'; }

}  // namespace

Lexer::Lexer(std::string_view text, std::string file) : text_(text), file_(std::move(file)) { advance(); }

void Lexer::fail(std::size_t at, const std::string& what) const {
  auto begin = at == 0 ? 0 : text_.rfind('\n', at - 1);
  begin = begin == std::string_view::npos || at == 0 ? 0 : begin + 1;
  auto line = text_.substr(begin, text_.find('\n', begin) - begin);
  auto number = 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(begin), '\n');
  throw Error("{}:{}:{}: {}\n  {}\n  {}^", file_, number, at - begin + 1, what, line, std::string(at - begin, ' '));
}

void Lexer::advance() {
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

std::string Lexer::word() {
  auto begin = at_;
  while (at_ < text_.size() && is_word_char(text_[at_])) ++at_;
  return std::string(text_.substr(begin, at_ - begin));
}

void Lexer::number_token() {
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

void Lexer::string_token() {
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

Token Lexer::take(Token::Kind kind, const char* what) {
  if (token_.kind != kind) fail(token_.at, std::string("expected ") + what);
  auto taken = token_;
  advance();
  return taken;
}

void Lexer::expect(std::string_view punctuation) {
  if (!is(punctuation)) fail(token_.at, fmt::format("expected '{}'", punctuation));
  advance();
}

void Lexer::expect_word(std::string_view text) {
  if (!is_word(text)) fail(token_.at, fmt::format("expected '{}'", text));
  advance();
}

bool Lexer::accept(std::string_view punctuation) {
  if (!is(punctuation)) return false;
  advance();
  return true;
}

std::int64_t Lexer::integer() {
  auto token = take(Token::number, "a whole number");
  std::int64_t value = 0;
  auto [end, problem] = std::from_chars(token.text.data(), token.text.data() + token.text.size(), value);
  if (problem != std::errc() || end != token.text.data() + token.text.size()) fail(token.at, "expected a whole number");
  return value;
}

std::int64_t Lexer::positive_integer() {
  const auto at = token_.at;
  const auto value = integer();
  if (value < 1) fail(at, "expected a positive number");
  return value;
}

bool Lexer::accept_word(std::string_view text) {
  if (!is_word(text)) return false;
  advance();
  return true;
}

void Lexer::expect_end(const char* of_what) {
  if (token_.kind != Token::end) fail(token_.at, fmt::format("expected nothing after the {}", of_what));
}

}  // namespace gradc
