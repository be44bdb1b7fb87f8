#include <algorithm>
#include <iostream>
#include <new>
#include <system_error>

#include "backends/halide/compile.h"
#include "backends/llvm/driver.h"
#include "compile/compile_step.h"
#include "gradc/error.h"
#include "support/memory.h"
#include "tools/commands.h"
#include "tools/reproducer.h"
#include "tools/terminal.h"

namespace {

std::string version_text() {
  std::string cpu;
  try {
    cpu = gradc::chosen_target().code;
  } catch (const gradc::Error& error) {
    cpu = error.what();
  }
  return "gradc " GRADC_VERSION "\nHalide " + gradc::halide_version() + "\nLLVM " + gradc::llvm_version() + "\ntarget " + cpu;
}

/// Prints what went wrong. The exit status.
int fail(const std::string& what) {
  std::cerr << "gradc: " << what << "\n";
  return 1;
}

int run(int argc, char** argv) {
  gradc::cli::Program program("gradc", "gradc compiles a model definition into one native training step.");
  program.add_version(version_text);
  program.footer("Example:\n  gradc train model.json --data mnist --epochs 1 --save trained");
  gradc::add_train(program);
  gradc::add_eval(program);
  gradc::add_predict(program);
  gradc::add_dump(program);
  gradc::add_opt(program);
  gradc::add_bench(program);
  gradc::add_tune(program);
  gradc::add_reduce(program);
  gradc::add_profile(program);
  gradc::add_summary(program);
  gradc::add_diff(program);
  gradc::add_fuzz(program);
  try {
    return program.run(argc, argv);
  } catch (const std::bad_alloc&) {
    return fail("out of memory; use a smaller model or batch, or raise ulimit -v");
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::resource_unavailable_try_again)
      return fail("no thread can be made; use --threads 1, or raise the limits of threads (ulimit -u) and of their memory (ulimit -v, -s)");
    return fail(error.what());
  } catch (const gradc::PassFailure& error) {
    std::cerr << "gradc: " << error.what() << "\n"
              << gradc::write_reproducer(error.before(), error.pass()) << "This is a bug of gradc: please report it with that file.\n";
    return 3;
  } catch (const std::exception& error) {
    if (gradc::address_space_limit()) return fail(fmt::format("{}\n{}", error.what(), gradc::limited_memory_text()));
    std::cerr << "gradc: " << error.what() << "\nThis is a bug of gradc: please report it with the command and the model.\n";
    return 3;
  }
}

}  // namespace

int main(int argc, char** argv) {
  gradc::open_standard_descriptors();
  gradc::write_reproducers_on_crashes();
  gradc::EscapedOutput escaped;
  int status = run(argc, argv);
  if (std::cout.flush()) return status;
  std::cerr << "gradc: standard output cannot be written; is its disk full?\n";
  return std::max(status, 1);
}
