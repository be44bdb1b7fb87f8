#pragma once
/// The gradc command as tests run it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/files.h"
#include "tests/support/npy.h"

namespace gradc::test {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

struct Result {
  int status;
  std::string out, err;
};

class Cli : public testing::Test {
 protected:
  /// One kernel cache for all tests: processes may share it.
  void SetUp() override { setenv("GRADC_CACHE", (fs::path(testing::TempDir()) / "gradc-cli-cache").c_str(), 1); }

  void TearDown() override {
    if (named_target_) setenv("GRADC_TARGET", target_before_.c_str(), 1);
  }

  /// For what depends on the target, a core's own cache included.
  void use_named_target() {
    const char* before = getenv("GRADC_TARGET");
    target_before_ = before == nullptr ? "" : before;
    named_target_ = true;
    setenv("GRADC_TARGET", "x86-64-linux-avx-avx2-f16c-fma-sse41,l2=1M", 1);
  }

  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  void write(const std::string& name, const std::string& bytes) const {
    fs::create_directories(fs::path(path(name)).parent_path());
    std::ofstream(path(name), std::ios::binary) << bytes;
  }

  Result run(const std::string& arguments, const std::string& environment = "") const {
    auto command = environment + " " GRADC_COMMAND " " + arguments + " >" + path("stdout") + " 2>" + path("stderr");
    int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_file(path("stdout")), read_file(path("stderr"))};
  }

  /// The command fails with this status and says this; it neither crashes nor reports a bug.
  void expect_error(const std::string& arguments, int status, const std::string& message) const {
    auto result = run(arguments);
    EXPECT_EQ(result.status, status) << arguments << "\n" << result.err;
    EXPECT_THAT(result.err, HasSubstr(message)) << arguments;
    EXPECT_THAT(result.err, testing::Not(HasSubstr("bug of gradc"))) << arguments;
    EXPECT_TRUE(result.out.empty()) << result.out;
  }

  /// The bytes of the weights that a save's model.json names.
  std::string weights_of(const std::string& saved) const {
    auto model = json::parse(read_file(path(saved + "/model.json")));
    return read_file(path(saved + "/" + model["weightsManifest"][0]["paths"][0].get<std::string>()));
  }

  /// A small model: Dense 4 -> 3 softmax, and data for it.
  json small_model() const {
    auto layer = [](const char* name, int units, const char* activation) {
      return json{{"class_name", "Dense"}, {"config", {{"name", name}, {"units", units}, {"activation", activation}}}};
    };
    auto first = layer("first", 5, "relu");
    first["config"]["batch_input_shape"] = {nullptr, 4};
    return {
        {"modelTopology", {{"class_name", "Sequential"}, {"config", {{"name", "m"}, {"layers", {first, layer("last", 3, "softmax")}}}}}},
        {"trainingConfig",
         {{"loss", "categorical_crossentropy"},
          {"metrics", {"accuracy"}},
          {"optimizer_config", {{"class_name", "SGD"}, {"config", {{"learningRate", 0.1}}}}}}}};
  }
  void write_data(std::int64_t count = 40) const {
    std::vector<float> x(count * 4);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(i));
    std::vector<std::uint8_t> y(count);
    for (std::int64_t i = 0; i < count; ++i) y[i] = x[i * 4] > 0.3f ? 2 : x[i * 4 + 1] > 0 ? 1 : 0;
    write("x.npy", npy("<f4", "(" + std::to_string(count) + ", 4)", raw(x)));
    write("y.npy", npy("|u1", "(" + std::to_string(count) + ",)", raw(y)));
  }
  std::string data_options() const { return " --x " + path("x.npy") + " --y " + path("y.npy"); }

  TemporaryFolder folder_;
  bool named_target_ = false;
  std::string target_before_;
};

}  // namespace gradc::test
