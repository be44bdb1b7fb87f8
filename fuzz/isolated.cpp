#include "fuzz/isolated.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gradc/error.h"

namespace gradc::fuzz {
namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

[[noreturn]] void run_child(const std::function<std::string()>& work, int pipe, double seconds) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGINT, SIGTERM}) std::signal(signal, SIG_DFL);
  auto most = static_cast<rlim_t>(seconds + 1);
  rlimit time{most, most + 1}, core{0, 0};
  setrlimit(RLIMIT_CPU, &time);
  setrlimit(RLIMIT_CORE, &core);
  auto text = work();
  for (std::size_t at = 0; at < text.size();) {
    auto written = write(pipe, text.data() + at, text.size() - at);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) break;
    at += static_cast<std::size_t>(written);
  }
  // Without destructors of what the parent made.
  _exit(0);
}

}  // namespace

Processes::~Processes() {
  for (const auto& child : children_) {
    kill(child.pid, SIGKILL);
    waitpid(child.pid, nullptr, 0);
    close(child.pipe);
  }
}

void Processes::start(std::function<std::string()> work, std::function<void(const Ended&)> done) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw Error("no pipe can be made: {}", std::strerror(errno));
  int pid = fork();
  if (pid < 0) throw Error("no process can be started: {}", std::strerror(errno));
  if (pid == 0) {
    for (const auto& other : children_) close(other.pipe);
    close(ends[0]);
    run_child(work, ends[1], seconds_);
  }
  close(ends[1]);
  children_.push_back({pid, ends[0], now() + 10 * seconds_, "", std::move(done)});
}

void Processes::finish(std::size_t index, bool in_time) {
  auto child = std::move(children_[index]);
  children_.erase(children_.begin() + static_cast<std::ptrdiff_t>(index));
  if (!in_time) kill(child.pid, SIGKILL);
  int status = 0;
  while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR) continue;
  close(child.pipe);
  Ended ended{.text = std::move(child.text)};
  if (!in_time || (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL))) {
    ended.how = Ended::out_of_time;
  } else if (WIFSIGNALED(status)) {
    ended.how = Ended::by_signal;
    ended.signal = WTERMSIG(status);
  }
  child.done(ended);
}

void Processes::wait(double seconds) {
  std::vector<pollfd> pipes;
  for (const auto& child : children_) pipes.push_back({child.pipe, POLLIN, 0});
  poll(pipes.data(), pipes.size(), static_cast<int>(seconds * 1000));
  // From the end, as those that have ended are taken out.
  for (auto i = pipes.size(); i-- > 0;) {
    if ((pipes[i].revents & (POLLIN | POLLHUP)) != 0) {
      char buffer[65536];
      auto count = read(pipes[i].fd, buffer, sizeof buffer);
      if (count > 0) children_[i].text.append(buffer, static_cast<std::size_t>(count));
      if (count == 0 || (count < 0 && errno != EINTR)) finish(i, true);
    } else if (now() > children_[i].deadline) {
      finish(i, false);
    }
  }
}

Ended run_isolated(const std::function<std::string()>& work, double seconds) {
  Processes processes(seconds);
  Ended result;
  processes.start(work, [&](const Ended& ended) { result = ended; });
  while (processes.running() > 0) processes.wait(1);
  return result;
}

}  // namespace gradc::fuzz
