#include <algorithm>
#include <iostream>
#include <new>

#include "backends/halide/compile.h"
#include "backends/llvm/driver.h"
#include "support/error.h"
#include "tools/commands.h"
#include "tools/reproducer.h"

namespace {

std::string version_text() {
  std::string cpu;
  try {
    const char* asked = std::getenv("GRADC_TARGET");
    cpu = gradc::kernel_target(asked == nullptr ? "" : asked).name;
  } catch (const gradc::Error& error) {
    cpu = error.what();
  }
  return "gradc " GRADC_VERSION "\nHalide " + gradc::halide_version() + "\nLLVM " + gradc::llvm_version() + "\ntarget " + cpu;
}

}  // namespace

int main(int argc, char** argv) {
  gradc::write_reproducers_on_crashes();
  CLI::App program("gradc compiles a model definition into one native training step.", "gradc");
  program.set_version_flag("--version", [] { return version_text(); });
  program.require_subcommand(1);
  program.failure_message(CLI::FailureMessage::help);
  program.failure_message([](const CLI::App* app, const CLI::Error& error) {
    return "gradc: " + std::string(error.what()) + "\nSee: " + app->get_name() + " --help\n";
  });
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
  auto commands = program.get_subcommands({});
  if (argc > 1 && argv[1][0] != '-' &&
      std::none_of(commands.begin(), commands.end(), [&](const CLI::App* each) { return each->check_name(argv[1]); })) {
    std::cerr << "gradc: there is no command \"" << argv[1] << "\"; the commands are";
    for (const auto* command : commands) std::cerr << " " << command->get_name();
    std::cerr << "\nSee: gradc --help\n";
    return 2;
  }
  try {
    program.parse(argc, argv);
    return 0;
  } catch (const CLI::RuntimeError& stop) {
    return stop.get_exit_code();
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? 0 : 2;
  } catch (const gradc::Error& error) {
    std::cerr << "gradc: " << error.what() << "\n";
    return 1;
  } catch (const gradc::PassFailure& error) {
    std::cerr << "gradc: " << error.what() << "\n"
              << gradc::write_reproducer(error.before(), error.pass()) << "This is a bug of gradc: please report it with that file.\n";
    return 3;
  } catch (const std::bad_alloc&) {
    std::cerr << "gradc: out of memory; use a smaller model or batch\n";
    return 1;
  } catch (const std::exception& error) {
    std::cerr << "gradc: " << error.what() << "\nThis is a bug of gradc: please report it with the command and the model.\n";
    return 3;
  }
}
