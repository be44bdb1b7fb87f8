// The gradc command and the system around it: descriptors, signals, limits, terminals, and what others left in its folders.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>

#include "backends/cache.h"
#include "tests/cli/cli.h"

namespace gradc::test {
namespace {

using testing::AllOf;
using testing::Not;

class Process : public Cli {
 protected:
  void SetUp() override {
    Cli::SetUp();
    write("model.json", small_model().dump());
    write_data();
  }

  /// Runs a command line of the shell, in which $G is gradc.
  Result shell(const std::string& command) const {
    write("stdout", "");
    auto line = "G=" GRADC_COMMAND "; { " + command + "; } 2>" + path("stderr");
    int status = std::system(line.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_file(path("stdout")), read_file(path("stderr"))};
  }

  std::string train() const { return "train " + path("model.json") + data_options() + " --batch-size 16 --steps 2 "; }
};

TEST_F(Process, StandardOutputThatTakesNothingIsAnError) {
  for (const std::string& command :
       {std::string("--version"), std::string("train --help"), "summary " + path("model.json"),
        "dump " + path("model.json") + " --after lower", "eval " + path("model.json") + data_options(), train()}) {
    auto result = shell("$G " + command + " >/dev/full");
    EXPECT_EQ(result.status, 1) << command;
    EXPECT_THAT(result.err, HasSubstr("standard output cannot be written")) << command;
  }
}

TEST_F(Process, ClosedDescriptorsLeaveFilesToThemselves) {
  for (const char* closed : {">&-", "2>&-", "<&- >&- 2>&-"}) {
    EXPECT_EQ(shell("$G " + train() + " --log " + path("log.jsonl") + " " + closed).status, 0) << closed;
    std::ifstream log(path("log.jsonl"));
    int lines = 0;
    for (std::string line; std::getline(log, line); ++lines) EXPECT_TRUE(json::accept(line)) << closed << ": " << line;
    EXPECT_EQ(lines, 2);
  }
}

TEST_F(Process, CtrlCWhileTheStepCompilesSavesNothing) {
  ASSERT_EQ(run(train() + "--save " + path("saved")).status, 0);
  auto before = weights_of("saved");
  fs::create_directories(path("tmp"));
  auto pid = fork();
  if (pid == 0) {
    setenv("TMPDIR", path("tmp").c_str(), 1);
    setenv("GRADC_CACHE", "", 1);
    auto saved = path("saved"), err = path("stderr");
    if (std::freopen(err.c_str(), "w", stderr) == nullptr) _exit(127);
    execl(GRADC_COMMAND, "gradc", "train", GRADC_SOURCE "/tests/models/tutorial/model.json", "--steps", "1", "--save", saved.c_str(),
          nullptr);
    _exit(127);
  }
  // Kernels are compiled in a temporary folder.
  for (int i = 0; i < 3000 && fs::is_empty(path("tmp")); ++i) usleep(2000);
  ASSERT_FALSE(fs::is_empty(path("tmp")));
  kill(pid, SIGINT);
  int status = 0;
  waitpid(pid, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 130);
  EXPECT_THAT(read_file(path("stderr")), HasSubstr("interrupted before the first step; nothing is saved"));
  EXPECT_EQ(weights_of("saved"), before);
}

// A name that would turn a terminal red, and what is shown of it there.
const std::string red_name =
                      "red\x1b[31m\r\xc2\x9b"
                      "7m\x7f",
                  red_shown = "red\\x1b[31m\\x0d\\u009b7m\\x7f";

TEST_F(Process, ControlCharactersOfNamesReachNoTerminal) {
  if (shell("script -qec true /dev/null </dev/null").status != 0) GTEST_SKIP() << "this system has no pseudo-terminals";
  auto model = small_model();
  model["modelTopology"]["config"]["layers"][0]["config"]["name"] = red_name;
  write("named.json", model.dump());
  auto terminal = shell("script -qec \"$G summary " + path("named.json") + "\" /dev/null >" + path("stdout") + " </dev/null");
  EXPECT_EQ(terminal.status, 0) << terminal.err;
  EXPECT_THAT(terminal.out, AllOf(HasSubstr(red_shown), Not(HasSubstr("\x1b"))));
}

TEST_F(Process, ControlCharactersOfNamesAreInFilesAndNotInErrors) {
  auto model = small_model();
  model["modelTopology"]["config"]["layers"][0]["config"]["name"] = red_name;
  write("named.json", model.dump());
  EXPECT_THAT(run("summary " + path("named.json")).out, HasSubstr(red_name)) << "a file gets what is there";

  model["modelTopology"]["config"]["layers"][0]["config"]["activation"] = "none\x1b[2J";
  write("wrong.json", model.dump());
  auto wrong = run("train " + path("wrong.json"));
  EXPECT_EQ(wrong.status, 1);
  EXPECT_THAT(wrong.err, AllOf(HasSubstr("none\\x1b[2J"), HasSubstr(red_shown), Not(HasSubstr("\x1b"))));
}

TEST_F(Process, NamesAreTextInPages) {
  auto model = small_model();
  model["modelTopology"]["config"]["layers"][0]["config"]["name"] = "<!--<script>";
  model["modelTopology"]["config"]["layers"][1]["config"]["name"] = "</script><b>";
  write("<i>.json", model.dump());
  auto named = "'" + path("<i>.json") + "'";
  ASSERT_EQ(run("train " + named + data_options() + " --steps 2 --report " + path("report.html")).status, 0);
  ASSERT_EQ(run("dump " + named + " --format html -o " + path("graph.html")).status, 0);
  for (const char* page : {"report.html", "graph.html"}) {
    auto html = read_file(path(page));
    EXPECT_THAT(html, AllOf(HasSubstr("\\u003c!--\\u003cscript>"), HasSubstr("&lt;i&gt;"))) << page;
    EXPECT_THAT(html, AllOf(Not(HasSubstr("<!--")), Not(HasSubstr("</script><b>")), Not(HasSubstr("<i>")))) << page;
  }
}

TEST_F(Process, NamesOfFilesNeedNotBeUtf8) {
  const std::string name = path("caf\xe9.json");
  fs::copy_file(path("model.json"), name);
  auto quoted = "'" + name + "'";
  for (const std::string& command :
       {"train " + quoted + data_options() + " --steps 2 --report " + path("r.html") + " --save " + path("s\xe9"),
        "dump " + quoted + " --format html -o " + path("g.html"), "eval " + path("s\xe9") + data_options(),
        "profile " + quoted + " --json --seconds 0.01 --trace " + path("t.json")}) {
    auto result = run(command);
    EXPECT_EQ(result.status, 0) << command << result.err;
  }
  EXPECT_TRUE(json::accept(read_file(path("t.json"))));
  EXPECT_THAT(read_file(path("r.html")), HasSubstr("caf\xef\xbf\xbd.json"));
}

TEST_F(Process, ATargetThatTheMachineLacksIsNamed) {
#if defined(__x86_64__)
  auto knl = run(train(), "GRADC_TARGET=x86-64-linux-sse41-avx512_knl");  // No longer made.
  EXPECT_EQ(knl.status, 1);
  EXPECT_THAT(knl.err, HasSubstr("GRADC_TARGET: this machine has no avx512_knl; it is x86-64-linux"));
  auto other = run(train(), "GRADC_TARGET=x86-64-linux-sse41-sve2");
  EXPECT_EQ(other.status, 1);
  EXPECT_THAT(other.err, HasSubstr("sve2 is incompatible"));
#endif
  EXPECT_EQ(run(train(), "GRADC_TARGET=arm-64-linux-sve2").status, run(train(), "GRADC_TARGET=x86-64-linux").status == 0 ? 1 : 0);
}

TEST_F(Process, WhateverLiesInTheCacheIsMadeAgain) {
  auto cache = path("cache"), environment = "GRADC_CACHE=" + cache;
  auto first = run(train() + "--threads 1", environment);
  ASSERT_EQ(first.status, 0) << first.err;
  fs::path entry;
  for (const auto& each : fs::directory_iterator(cache)) entry = each.path();
  auto whole = read_file(entry);
  auto expect_made_again = [&](const std::string& line, const char* what) {
    auto result = run(train() + "--threads 1", "timeout 60 env " + environment);
    EXPECT_EQ(result.status, 0) << what << "\n" << result.err;
    EXPECT_EQ(result.out, first.out) << what;
    EXPECT_THAT(result.err, AllOf(HasSubstr(line), HasSubstr("compiling it again"))) << what;
    auto next = run(train() + "--threads 1", environment);
    EXPECT_THAT(next.err, Not(HasSubstr("compiling it again"))) << what;
    EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(entry))) << what;
  };
  fs::remove(entry);
  ASSERT_EQ(mkfifo(entry.c_str(), 0600), 0);
  expect_made_again("is no plain file", "a pipe");
  for (const char* target : {"/dev/zero", "nothing", "/etc/passwd"}) {
    fs::remove(entry);
    fs::create_symlink(target, entry);
    expect_made_again("kernel cache: " + entry.string(), target);
  }
  fs::resize_file(entry, 1ull << 40);
  expect_made_again("is larger than", "a file of a terabyte");
  KernelCache(cache, {}).store(entry.stem().string(), "no object file");
  expect_made_again("cannot be linked", "a text with a right checksum");
  KernelCache(cache, {}).store(entry.stem().string(), whole.substr(24, (whole.size() - 24) / 2));
  expect_made_again("cannot be linked", "half an object with a right checksum");
}

TEST_F(Process, WhatTheSystemRefusesIsToldWithTheWayOut) {
  auto anew = "GRADC_CACHE= $G " + train();
  auto expect_told = [&](const std::string& command, const std::string& what) {
    auto result = shell(command);
    EXPECT_EQ(result.status, 1) << command << "\n" << result.err;
    EXPECT_THAT(result.err, AllOf(HasSubstr(what), Not(HasSubstr("bug of gradc")))) << command;
  };
  expect_told("TMPDIR=/none " + anew, "TMPDIR: /none is not a folder for temporary files");
  // Stacks that no address space holds: no thread can be made.
  if (shell("ulimit -s 200000000000").status == 0) {
    expect_told("export GRADC_PROCESSORS=2; ulimit -s 200000000000; " + anew + "--threads 2", "2 threads cannot be started");
    EXPECT_EQ(shell("ulimit -s 200000000000; " + anew + "--threads 1 >/dev/null").status, 0) << read_file(path("stderr"));
  }
  for (const char* kilobytes : {"400000", "500000", "700000"}) {
    auto result = shell(std::string("ulimit -v ") + kilobytes + "; " + anew + "--threads 1 >/dev/null");
    EXPECT_THAT(result.status, testing::AnyOf(0, 1, 127)) << kilobytes << result.err;  // 127: not even its libraries fit.
    EXPECT_THAT(result.err, Not(HasSubstr("bug of gradc"))) << kilobytes;
    if (result.status == 1) {
      EXPECT_THAT(result.err, HasSubstr("ulimit -v")) << kilobytes;
    }
  }
}

}  // namespace
}  // namespace gradc::test
