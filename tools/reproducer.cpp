#include "tools/reproducer.h"

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "gradc/error.h"
#include "ir/text.h"
#include "support/memory.h"

namespace gradc {
namespace {

void tell(const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    auto written = write(STDERR_FILENO, text.data() + at, text.size() - at);
    if (written <= 0) return;
    at += static_cast<std::size_t>(written);
  }
}

/// As LLVM does in its handlers, this allocates memory though a signal may have come at any place: it is worth a try, since the process
/// is lost anyway. A second signal ends it.
void on_crash(int signal) {
  std::signal(signal, SIG_DFL);
  if (address_space_limit()) {
    tell(std::string("gradc: ") + strsignal(signal) + "\n" + limited_memory_text() + "\n");
    _exit(1);
  }
  if (const auto& at = pass_in_flight(); at.pass != nullptr) try {
      tell("gradc: pass " + at.pass->name + " crashed: " + strsignal(signal) + "\n" + write_reproducer(*at.before, *at.pass) +
           "This is a bug of gradc: please report it with that file.\n");
    } catch (const std::exception& error) {
      tell(std::string("gradc: ") + error.what() + "\n");
    }
  raise(signal);
}

}  // namespace

std::string write_reproducer(const Graph& before, const Pass& pass) {
  std::error_code failed;
  auto folder = std::filesystem::temp_directory_path(failed);
  auto pattern = ((failed ? std::filesystem::path(".") : folder) / ("gradc-" + pass.name + "-XXXXXX.ir")).string();
  int file = mkstemps(pattern.data(), 3);
  if (file < 0) throw Error("{}: no reproducer can be written there: {}", pattern, std::strerror(errno));
  std::string command = "gradc opt " + pattern + " --passes ";
  const auto pass_text = text_of(pass);
  command = pass.asks == Pass::Asks::optimizer ? "" : command + (pass_text == pass.name ? pass_text : "'" + pass_text + "'");
  auto text = (command.empty() ? "" : "; " + command + "\n") + print(before);
  auto written = write(file, text.data(), text.size());
  close(file);
  if (written != static_cast<ssize_t>(text.size())) throw Error("{}: cannot be written", pattern);
  return "The graph before it is in " + pattern + (command.empty() ? "\n" : "; to see it again:\n  " + command + "\n");
}

void write_reproducers_on_crashes() {
  // A stack of its own, as the other may be what overflowed.
  static std::vector<char> memory(std::size_t{256} << 10);
  stack_t stack{};
  stack.ss_sp = memory.data();
  stack.ss_size = memory.size();
  sigaltstack(&stack, nullptr);
  struct sigaction action{};
  action.sa_handler = on_crash;
  action.sa_flags = SA_ONSTACK;
  for (int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) sigaction(signal, &action, nullptr);
}

}  // namespace gradc
