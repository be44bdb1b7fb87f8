#pragma once
/// The words of the text forms, with errors that show their place.

#include <cstdint>
#include <string>
#include <string_view>

namespace gradc {

struct Token {
  enum Kind { word, value, symbol_name, string, number, punctuation, end } kind = end;
  std::string text;
  std::size_t at = 0;
};

/// Reads a text token by token. Every function that finds something else than it expects throws gradc::Error with the file, line and
/// column, the line itself and a caret under the place.
class Lexer {
 public:
  Lexer(std::string_view text, std::string file);

  const Token& token() const { return token_; }
  void advance();
  [[noreturn]] void fail(std::size_t at, const std::string& what) const;

  bool is(std::string_view punctuation) const { return token_.kind == Token::punctuation && token_.text == punctuation; }
  bool is_word(std::string_view text) const { return token_.kind == Token::word && token_.text == text; }

  Token take(Token::Kind kind, const char* what);
  void expect(std::string_view punctuation);
  void expect_word(std::string_view text);
  /// Whether it is the next token; then that is taken.
  bool accept(std::string_view punctuation);
  bool accept_word(std::string_view text);
  std::int64_t integer();
  std::int64_t positive_integer();
  /// Calls read() for each part of a list with commas between them.
  template <class Read>
  void list(Read read) {
    do read();
    while (accept(","));
  }
  void expect_end(const char* of_what);

 private:
  std::string word();
  void number_token();
  void string_token();

  std::string_view text_;
  std::string file_;
  std::size_t at_ = 0;
  Token token_;
};

}  // namespace gradc
