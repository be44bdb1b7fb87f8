#pragma once
/// What is printed where a terminal may show it.

#include <memory>
#include <ostream>

namespace gradc {

/// Opens /dev/null as standard input, output and error where one of them is closed: the next file that is opened would take its number, and
/// get what is printed.
void open_standard_descriptors();

/// While it lives control characters, which names in files may hold, are printed to stderr as "\x1b" and the like, and to stdout too if it
/// is a terminal; line breaks and tabs stay.
class EscapedOutput {
 public:
  EscapedOutput();
  ~EscapedOutput();
  EscapedOutput(const EscapedOutput&) = delete;
  EscapedOutput& operator=(const EscapedOutput&) = delete;

 private:
  class Buffer;
  friend std::ostream& rewrite_line(std::ostream& out);
  std::unique_ptr<Buffer> out_, err_;
};

/// A terminal's line is empty again, to be written anew:    std::cerr << rewrite_line << "step 7";
std::ostream& rewrite_line(std::ostream& out);

}  // namespace gradc
