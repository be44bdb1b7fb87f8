#pragma once
/// Commands of a program and their options. CLI11 reads them; only command_line.cpp includes it, as its headers cost each file that does
/// 3 to 4 seconds of compilation.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace gradc::cli {

/// An option, a flag or an argument without a name. Each function changes it and returns it for the next.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  Option required();
  Option type_name(const std::string& name);  ///< What the help text shows for the value.
  Option show_default();                      ///< The help text shows what the variable holds now.
  Option optional_value();                    ///< It may be given alone; the variable then is empty.
  Option single();                            ///< Takes one value each time it is given; more may follow otherwise.
  Option delimiter(char delimiter);           ///< Stands between several values in one argument.
  Option range(int least, int most);          ///< Both included.
  Option range(double least, double most);    ///< Both included; lets NaN pass.
  Option one_of(const std::vector<std::string>& all);
  /// `problem` says what is wrong with a text, or nothing.
  Option check(std::function<std::string(const std::string&)> problem);
  Option needs(Option other);
  Option excludes(Option other);

  bool given() const;

 private:
  CLI::Option* option_;
};

/// A command with its options. Refers to what its program owns.
class Command {
 public:
  explicit Command(CLI::App* app) : app_(app) {}

  // `names` reads "-q,--quiet", or "FILE" for an argument without a name. The variable has to outlive the program's run, and keeps its
  // value if the option is not given.
  Option add_option(const std::string& names, std::string& variable, const std::string& description);
  Option add_option(const std::string& names, std::vector<std::string>& variable, const std::string& description);
  Option add_option(const std::string& names, int& variable, const std::string& description);
  Option add_option(const std::string& names, std::int64_t& variable, const std::string& description);
  Option add_option(const std::string& names, std::uint64_t& variable, const std::string& description);
  Option add_option(const std::string& names, double& variable, const std::string& description);
  Option add_option(const std::string& names, std::optional<std::uint64_t>& variable, const std::string& description);
  Option add_option(const std::string& names, std::optional<std::int64_t>& variable, const std::string& description);
  Option add_option(const std::string& names, std::optional<double>& variable, const std::string& description);
  /// An option whose value goes to a function.
  Option add_option(const std::string& names, const std::function<void(const std::string&)>& use, const std::string& description);
  /// A name after "!" sets the variable to false.
  Option add_flag(const std::string& names, bool& variable, const std::string& description);

  void footer(const std::string& text);         ///< The end of the help text.
  void callback(std::function<void()> action);  ///< Runs once all options are read and checked.

 protected:
  CLI::App* app_;
};

/// What a callback throws to end the program with this status.
struct Exit {
  int status;
};

class Program : public Command {
 public:
  Program(const std::string& name, const std::string& description);
  ~Program();

  /// A program with commands requires one of them.
  Command add_command(const std::string& name, const std::string& description);
  void add_version(const std::function<std::string()>& text);
  /// Accepts arguments that no option takes; a callback finds them in `extras`.
  void allow_extras();
  std::vector<std::string> extras() const;

  /// Reads the arguments and runs the callbacks. Prints help where it is asked for, what is wrong with the arguments, and a gradc::Error of
  /// a callback. Returns the exit status: 0, that of an Exit, 2 for wrong arguments, or 1 for such an error. Lets other exceptions pass.
  int run(int argc, const char* const* argv);

 private:
  std::unique_ptr<CLI::App> owned_;
};

}  // namespace gradc::cli
