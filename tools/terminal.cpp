#include "tools/terminal.h"

#include <iostream>
#include <streambuf>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace gradc {

void open_standard_descriptors() {
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(fd, F_GETFD) < 0) open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY);  // The lowest number that is free: this one.
}

class EscapedOutput::Buffer : public std::streambuf {
 public:
  explicit Buffer(std::ostream& stream) : stream_(stream), to_(stream.rdbuf(this)) {}
  ~Buffer() override {
    if (lead_) to_->sputc(kLead);
    stream_.rdbuf(to_);
  }
  void pass(std::string_view text) { to_->sputn(text.data(), static_cast<std::streamsize>(text.size())); }

 protected:
  int overflow(int c) override {
    if (c == traits_type::eof()) return traits_type::not_eof(c);
    char byte = static_cast<char>(c);
    return xsputn(&byte, 1) == 1 ? c : traits_type::eof();
  }

  std::streamsize xsputn(const char* text, std::streamsize count) override {
    std::string escaped;
    for (std::streamsize i = 0; i < count; ++i) {
      auto byte = static_cast<unsigned char>(text[i]);
      // In UTF-8 U+0080 to U+009F, which are control characters too, are this byte and that of their number.
      if (lead_) {
        lead_ = false;
        if (byte >= 0x80 && byte < 0xa0) {
          escaped += fmt::format("\\u{:04x}", byte);
          continue;
        }
        escaped += kLead;
      }
      if (text[i] == kLead)
        lead_ = true;
      else if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f)
        escaped += fmt::format("\\x{:02x}", byte);
      else
        escaped += text[i];
    }
    auto size = static_cast<std::streamsize>(escaped.size());
    return to_->sputn(escaped.data(), size) == size ? count : 0;
  }

  int sync() override { return to_->pubsync(); }

 private:
  static constexpr char kLead = '\xc2';

  std::ostream& stream_;
  std::streambuf* to_;
  bool lead_ = false;  ///< Whether kLead came and is yet to be printed.
};

EscapedOutput::EscapedOutput()
    : out_(isatty(STDOUT_FILENO) == 1 ? std::make_unique<Buffer>(std::cout) : nullptr), err_(std::make_unique<Buffer>(std::cerr)) {}

EscapedOutput::~EscapedOutput() = default;

std::ostream& rewrite_line(std::ostream& out) {
  constexpr std::string_view kErase = "\r\x1b[K";
  if (auto* escaped = dynamic_cast<EscapedOutput::Buffer*>(out.rdbuf()))
    escaped->pass(kErase);
  else
    out << kErase;
  return out;
}

}  // namespace gradc
