#include "support/command_line.h"

#include <algorithm>
#include <iostream>

#include <CLI/CLI.hpp>

#include "gradc/error.h"

namespace gradc::cli {

Option Option::required() { return Option(option_->required()); }

Option Option::type_name(const std::string& name) { return Option(option_->type_name(name)); }

Option Option::show_default() { return Option(option_->capture_default_str()); }

Option Option::optional_value() { return Option(option_->expected(0, 1)); }

Option Option::single() { return Option(option_->allow_extra_args(false)); }

Option Option::delimiter(char delimiter) { return Option(option_->delimiter(delimiter)); }

Option Option::range(int least, int most) { return Option(option_->check(CLI::Range(least, most))); }

Option Option::range(double least, double most) { return Option(option_->check(CLI::Range(least, most))); }

Option Option::one_of(const std::vector<std::string>& all) { return Option(option_->check(CLI::IsMember(all))); }

Option Option::check(std::function<std::string(const std::string&)> problem) { return Option(option_->check(std::move(problem))); }

Option Option::needs(Option other) { return Option(option_->needs(other.option_)); }

Option Option::excludes(Option other) { return Option(option_->excludes(other.option_)); }

bool Option::given() const { return option_->count() > 0; }

Option Command::add_option(const std::string& names, std::string& variable, const std::string& description) {
  return Option(app_->add_option(names, variable, description));
}

Option Command::add_option(const std::string& names, std::vector<std::string>& variable, const std::string& description) {
  return Option(app_->add_option(names, variable, description));
}

Option Command::add_option(const std::string& names, int& variable, const std::string& description) {
  return Option(app_->add_option(names, variable, description));
}

Option Command::add_option(const std::string& names, std::int64_t& variable, const std::string& description) {
  return Option(app_->add_option(names, variable, description));
}

Option Command::add_option(const std::string& names, std::uint64_t& variable, const std::string& description) {
  return Option(app_->add_option(names, variable, description));
}

Option Command::add_option(const std::string& names, double& variable, const std::string& description) {
  return Option(app_->add_option(names, variable, description));
}

Option Command::add_option(const std::string& names, std::optional<std::uint64_t>& variable, const std::string& description) {
  return Option(app_->add_option(names, variable, description));
}

Option Command::add_option(const std::string& names, std::optional<std::int64_t>& variable, const std::string& description) {
  return Option(app_->add_option(names, variable, description));
}

Option Command::add_option(const std::string& names, std::optional<double>& variable, const std::string& description) {
  return Option(app_->add_option(names, variable, description));
}

Option Command::add_option(const std::string& names, const std::function<void(const std::string&)>& use, const std::string& description) {
  return Option(app_->add_option_function(names, use, description));
}

Option Command::add_flag(const std::string& names, bool& variable, const std::string& description) {
  return Option(app_->add_flag(names, variable, description));
}

void Command::footer(const std::string& text) { app_->footer(text); }

void Command::callback(std::function<void()> action) { app_->callback(std::move(action)); }

Program::Program(const std::string& name, const std::string& description) : Command(new CLI::App(description, name)), owned_(app_) {
  app_->failure_message([](const CLI::App* app, const CLI::Error& error) {
    const auto given = app->get_subcommands();
    const auto command = given.empty() ? "" : " " + given.front()->get_name();
    return app->get_name() + ": " + error.what() + "\nSee: " + app->get_name() + command + " --help\n";
  });
}

Program::~Program() = default;

Command Program::add_command(const std::string& name, const std::string& description) {
  app_->require_subcommand(1);
  return Command(app_->add_subcommand(name, description));
}

void Program::add_version(const std::function<std::string()>& text) { app_->set_version_flag("--version", text); }

void Program::allow_extras() { app_->allow_extras(); }

std::vector<std::string> Program::extras() const { return app_->remaining(); }

int Program::run(int argc, const char* const* argv) {
  // CLI11 would only say that a command is required.
  const auto commands = app_->get_subcommands({});
  const auto is_named = [&](const CLI::App* command) { return command->check_name(argv[1]); };
  if (!commands.empty() && argc > 1 && argv[1][0] != '-' && std::none_of(commands.begin(), commands.end(), is_named)) {
    std::cerr << app_->get_name() << ": there is no command \"" << argv[1] << "\"; the commands are";
    for (const auto* command : commands) std::cerr << " " << command->get_name();
    std::cerr << "\nSee: " << app_->get_name() << " --help\n";
    return 2;
  }
  try {
    app_->parse(argc, argv);
    return 0;
  } catch (const Exit& exit) {
    return exit.status;
  } catch (const CLI::ParseError& error) {
    return app_->exit(error) == 0 ? 0 : 2;
  } catch (const Error& error) {
    std::cerr << app_->get_name() << ": " << error.what() << "\n";
    return 1;
  }
}

}  // namespace gradc::cli
