// The gradc command as a user meets it: what it prints, what it returns, and that bad input ends in a clear error and loses nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "support/files.h"
#include "tests/cli/cli.h"
#include "tests/support/npy.h"

namespace gradc::test {
namespace {

TEST_F(Cli, HelpAndVersionSayWhatThereIs) {
  auto version = run("--version");
  EXPECT_EQ(version.status, 0);
  EXPECT_THAT(version.out, testing::AllOf(HasSubstr("gradc 0."), HasSubstr("Halide 21"), HasSubstr("LLVM 19"), HasSubstr("target ")));
  for (const char* command : {"", "train", "eval", "predict", "dump", "opt", "bench", "tune", "profile", "summary", "diff", "reduce"}) {
    auto help = run(std::string(command) + " --help");
    EXPECT_EQ(help.status, 0) << command;
    EXPECT_THAT(help.out, HasSubstr("Example")) << command;
  }
}

TEST_F(Cli, OutputGoesIntoPipesAndBehindLinks) {
  write("graph.ir", "graph @empty {\n}\n");
  auto pipe = path("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  auto into_pipe = run("opt " + path("graph.ir") + " --passes dce -o " + pipe, "cat " + pipe + " >" + path("got") + " & ");
  EXPECT_EQ(into_pipe.status, 0) << into_pipe.err;
  EXPECT_TRUE(fs::is_fifo(pipe));
  for (int i = 0; i < 100 && read_file(path("got")).empty(); ++i) usleep(20000);
  EXPECT_EQ(read_file(path("got")), "graph @empty {\n}\n");

  write("elsewhere/real.ir", "old");
  fs::create_symlink("elsewhere/real.ir", path("link.ir"));
  auto behind_link = run("opt " + path("graph.ir") + " --passes dce -o " + path("link.ir"));
  EXPECT_EQ(behind_link.status, 0) << behind_link.err;
  EXPECT_TRUE(fs::is_symlink(path("link.ir")));
  EXPECT_EQ(read_file(path("elsewhere/real.ir")), "graph @empty {\n}\n");

  auto to_device = run("opt " + path("graph.ir") + " --passes dce -o /dev/stdout");
  EXPECT_EQ(to_device.status, 0) << to_device.err;
}

TEST_F(Cli, UsageErrorsExitWith2) {
  expect_error("", 2, "subcommand");
  expect_error("trian model.json", 2, "trian");
  expect_error("train", 2, "MODEL.json");
  expect_error("train m.json --batch-size 0", 2, "--batch-size");
  expect_error("train m.json --backend gpu", 2, "--backend");
  expect_error("train m.json --epochs many", 2, "--epochs");
  expect_error("train m.json --y labels.npy", 2, "--x");
  expect_error("train", 2, "See: gradc train --help");
  expect_error("--nope", 2, "See: gradc --help");
}

TEST_F(Cli, TrainsEvaluatesPredictsAndSaves) {
  write("model.json", small_model().dump());
  write_data();
  auto trained = run("train " + path("model.json") + data_options() + " --batch-size 16 --epochs 30 --seed 3 --log " + path("log.jsonl") +
                     " --save " + path("saved"));
  ASSERT_EQ(trained.status, 0) << trained.err;
  std::ifstream log(path("log.jsonl"));
  std::vector<json> steps;
  for (std::string line; std::getline(log, line);) steps.push_back(json::parse(line));
  ASSERT_EQ(steps.size(), 90u);  // 40 images are 3 batches, the last of 8
  EXPECT_LT(steps.back()["loss"].get<double>(), steps.front()["loss"].get<double>());
  EXPECT_TRUE(steps.front().contains("acc"));

  auto evaluated = run("eval " + path("saved") + data_options());
  EXPECT_EQ(evaluated.status, 0) << evaluated.err;
  EXPECT_THAT(evaluated.out, testing::StartsWith("loss: "));
  auto predicted = run("predict " + path("saved/model.json") + " --x " + path("x.npy") + " --out " + path("p.npy"));
  EXPECT_EQ(predicted.status, 0) << predicted.err;
  auto bytes = read_file(path("p.npy"));
  ASSERT_EQ(bytes.size() % 64, 40 * 3 * 4 % 64);
  const auto* values = reinterpret_cast<const float*>(bytes.data() + bytes.size() - 40 * 3 * 4);
  for (int i = 0; i < 40; ++i) EXPECT_NEAR(values[3 * i] + values[3 * i + 1] + values[3 * i + 2], 1, 1e-5);
}

TEST_F(Cli, TheSameSeedGivesTheSameBytesForAnyThreads) {
  write("model.json", small_model().dump());
  write_data(100);
  std::string first;
  for (const char* threads : {"1", "2", "3"}) {
    auto saved = std::string("saved") + threads;
    ASSERT_EQ(run("train " + path("model.json") + data_options() + " --batch-size 48 --epochs 2 --seed 5 --threads " + threads +
                  " --save " + path(saved))
                  .status,
              0);
    auto weights = weights_of(saved);
    if (first.empty()) first = weights;
    EXPECT_EQ(weights, first) << threads << " threads";
  }
  ASSERT_EQ(run("train " + path("model.json") + data_options() + " --batch-size 48 --epochs 2 --seed 6 --save " + path("other")).status, 0);
  EXPECT_NE(weights_of("other"), first) << "another seed";
}

TEST_F(Cli, ModelFilesThatCannotBeRead) {
  expect_error("train " + path("none.json"), 1, "gradc: " + path("none.json") + ": cannot be read: No such file");
  write("list.json", "[1, 2]");
  expect_error("train " + path("list.json"), 1, "list.json: has no modelTopology");
  write("graph.json", R"({"modelTopology": {"node": []}, "format": "graph-model"})");
  expect_error("train " + path("graph.json"), 1, "GraphModel");
  // Cut off at any byte: an error each time, never a crash.
  auto text = small_model().dump();
  for (std::size_t at = 0; at < text.size(); at += 7) {
    write("cut.json", text.substr(0, at));
    auto result = run("dump " + path("cut.json"));
    ASSERT_EQ(result.status, 1) << "cut at " << at << ": " << result.err;
    ASSERT_THAT(result.err, HasSubstr("cut.json: not valid JSON")) << at;
  }
}

TEST_F(Cli, EveryProblemOfAModelIsToldAtOnce) {
  auto model = small_model();
  auto& layers = model["modelTopology"]["config"]["layers"];
  layers[0]["config"]["activation"] = "reluu";
  layers[0]["config"]["kernel_initializer"] = "glorot_unform";
  layers.push_back({{"class_name", "Hashing"}, {"config", {{"name", "memory"}}}});
  model["trainingConfig"]["loss"] = "hinge_of_sorts";
  write("bad.json", model.dump());
  auto result = run("train " + path("bad.json"));
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err,
              testing::AllOf(HasSubstr("4 problems"), HasSubstr("layer \"first\" (Dense): activation \"reluu\" is not known; known are"),
                             HasSubstr("glorot_unform"), HasSubstr("layer \"memory\" (Hashing): this layer is not known; known are"),
                             HasSubstr("loss \"hinge_of_sorts\" is not known")));
}

TEST_F(Cli, ShapesThatDoNotFitNameLayerShapesAndRemedy) {
  auto conv = [](const char* name, int kernel) {
    return json{{"class_name", "Conv2D"}, {"config", {{"name", name}, {"filters", 2}, {"kernel_size", {kernel, kernel}}}}};
  };
  auto first = conv("first", 5);
  first["config"]["batch_input_shape"] = {nullptr, 8, 8, 1};
  json model = {{"modelTopology", {{"class_name", "Sequential"}, {"config", {{"layers", {first, conv("second", 5)}}}}}}};
  write("model.json", model.dump());
  expect_error("train " + path("model.json"), 1,
               "layer \"second\" (Conv2D): a 5×5 window does not fit its 4×4 input; use padding \"same\" or a smaller window");

  model["modelTopology"]["config"]["layers"][0]["config"]["filters"] = 2000000000;
  write("huge.json", model.dump());
  expect_error("train " + path("huge.json"), 1, "more than this machine's memory");
  model["modelTopology"]["config"]["layers"][0]["config"]["batch_input_shape"] = {nullptr, 2000000000, 2000000000, 2000000000};
  write("overflow.json", model.dump());
  expect_error("train " + path("overflow.json"), 1, "more than this machine's memory");
  // More elements than 31 bits count, on any machine: too many, or too many for its memory.
  model["modelTopology"]["config"]["layers"][0]["config"]["batch_input_shape"] = {nullptr, 8, 8, 60000};
  model["modelTopology"]["config"]["layers"][0]["config"]["filters"] = 60000;
  write("uncounted.json", model.dump());
  expect_error("dump " + path("uncounted.json"), 1, "layer \"first\" (Conv2D): a weight of shape 5×5×60000×60000 would");
  model["modelTopology"]["config"]["layers"][0]["config"]["batch_input_shape"] = {nullptr, nullptr, 8, 1};
  write("unknown.json", model.dump());
  expect_error("train " + path("unknown.json"), 1, "batch_input_shape is [null,null,8,1]");
}

TEST_F(Cli, WeightFilesThatDoNotFit) {
  write("model.json", small_model().dump());
  write_data();
  ASSERT_EQ(run("train " + path("model.json") + data_options() + " --steps 1 --save " + path("good")).status, 0);
  auto model = json::parse(read_file(path("good/model.json")));
  auto weights = weights_of("good");
  model["weightsManifest"][0]["paths"] = {"weights.bin"};
  auto with = [&](const json& changed, const std::string& bytes) {
    fs::create_directories(path("bad"));
    write("bad/model.json", changed.dump());
    write("bad/weights.bin", bytes);
  };
  with(model, weights.substr(0, weights.size() - 4));
  expect_error("eval " + path("bad") + data_options(), 1, "too short");
  with(model, weights + "xxxx");
  expect_error("eval " + path("bad") + data_options(), 1, "too long");
  auto changed = model;
  changed["weightsManifest"][0]["weights"][0]["dtype"] = "int32";
  with(changed, weights);
  expect_error("eval " + path("bad") + data_options(), 1, "dtype int32");
  changed = model;
  changed["weightsManifest"][0]["weights"][0]["shape"] = {5, 4};
  with(changed, weights);
  expect_error("eval " + path("bad") + data_options(), 1, "weight \"first/kernel\": has shape 5×4, the layer's is 4×5");
  changed = model;
  changed["weightsManifest"][0]["weights"][0]["name"] = "other/kernel";
  with(changed, weights);
  expect_error("eval " + path("bad") + data_options(), 1, "the model has no weight of this name");
  for (const char* outside : {"../good/weights.bin", "/etc/passwd", "a/../../good/weights.bin"}) {
    changed = model;
    changed["weightsManifest"][0]["paths"] = {outside};
    with(changed, weights);
    expect_error("eval " + path("bad") + data_options(), 1, "leaves the model's folder");
  }
  changed = model;
  changed["weightsManifest"][0]["paths"] = {"missing.bin"};
  with(changed, weights);
  expect_error("eval " + path("bad") + data_options(), 1, "missing.bin: cannot be read");
}

TEST_F(Cli, ArraysThatDoNotFit) {
  write("model.json", small_model().dump());
  write_data();
  auto train = "train " + path("model.json");
  auto y = " --y " + path("y.npy"), x = " --x " + path("x.npy");
  expect_error(train + " --x " + path("none.npy") + y, 1, "none.npy: cannot be read");
  write("complex.npy", npy("<c8", "(40, 4)", std::string(40 * 4 * 8, '\0')));
  expect_error(train + " --x " + path("complex.npy") + y, 1, "complex.npy: holds complex numbers (complex64)");
  write("nan.npy", npy("<f4", "(40, 4)", raw(std::vector<float>(160, NAN))));
  expect_error(train + " --x " + path("nan.npy") + y + " --quiet", 1, "nan.npy: row 0: number 0 is nan");
  write("rank1.npy", npy("<f4", "(40,)", std::string(40 * 4, '\0')));
  expect_error(train + " --x " + path("rank1.npy") + y, 1, "rank 1");
  write("wide.npy", npy("<f4", "(40, 5)", std::string(40 * 5 * 4, '\0')));
  expect_error(train + " --x " + path("wide.npy") + y, 1, "images have shape 5, but the model takes 4");
  EXPECT_THAT(run(train + " --x " + path("wide.npy") + y).err, testing::Not(HasSubstr("compiled")));
  write("short.npy", npy("<f4", "(40, 4)", std::string(40 * 4 * 4 - 1, '\0')));
  expect_error(train + " --x " + path("short.npy") + y, 1, "640 bytes, but 639 follow");
  write("fewer.npy", npy("|u1", "(39,)", std::string(39, '\0')));
  expect_error(train + x + " --y " + path("fewer.npy"), 1, "holds 40 images, but");
  write("range.npy", npy("|u1", "(40,)", std::string(40, '\3')));
  expect_error(train + x + " --y " + path("range.npy"), 1, "label 0 is 3, but the model has 3 classes");
  write("negative.npy", npy("<i8", "(40,)", raw(std::vector<std::int64_t>(40, -1))));
  expect_error(train + x + " --y " + path("negative.npy"), 1, "label 0 is -1");
  write("text.npy", "not an array");
  expect_error(train + " --x " + path("text.npy") + y, 1, "is not a .npy file");
  expect_error(train + x, 1, "--x needs --y");
}

TEST_F(Cli, IdxFilesThatLie) {
  write("model.json", small_model().dump());
  auto idx = [](std::uint8_t rank, const std::vector<std::uint32_t>& dims, std::size_t bytes) {
    std::string file = {0, 0, 8, static_cast<char>(rank)};
    for (auto dim : dims)
      for (int shift : {24, 16, 8, 0}) file += static_cast<char>(dim >> shift & 0xff);
    return file + std::string(bytes, '\1');
  };
  auto folder = [&](const std::string& images, const std::string& labels) {
    for (const char* part : {"train", "t10k"}) {
      write(std::string("data/") + part + "-images-idx3-ubyte", images);
      write(std::string("data/") + part + "-labels-idx1-ubyte", labels);
    }
    return "train " + path("model.json") + " --data " + path("data");
  };
  auto good = idx(3, {10, 2, 2}, 40), labels = idx(1, {10}, 10);
  EXPECT_EQ(run(folder(good, labels)).status, 0);
  expect_error(folder(good.substr(0, 50), labels), 1, "its header says 10 of 2×2, 40 bytes, but 34 follow");
  expect_error(folder(good.substr(0, 9), labels), 1, "cut off within its header");
  expect_error(folder(idx(3, {4000000000u, 60000, 60000}, 40), labels), 1, "but 40 follow");
  expect_error(folder(idx(2, {10, 4}, 40), labels), 1, "has 2 dimensions, expected 3");
  expect_error(folder("PNG..." + good, labels), 1, "is not an IDX file");
  expect_error(folder(good, idx(1, {9}, 9)), 1, "holds 10 images, but");
  expect_error(folder(std::string("\x1f\x8b\x08\x00garbage", 11), labels), 1, "does not unpack as gzip");
  expect_error("train " + path("model.json") + " --data nothing-of-this-name", 1, "no data set of this name");
  fs::create_directories(path("empty"));
  expect_error("train " + path("model.json") + " --data " + path("empty"), 1, "has no train-images-idx3-ubyte");
}

TEST_F(Cli, ASaveIsWholeOrAbsent) {
  write("model.json", small_model().dump());
  write_data();
  auto train = "train " + path("model.json") + data_options() + " --steps 1 --save ";
  write("file", "x");
  expect_error(train + path("file"), 1, "cannot be made");
  expect_error(train + "/proc/nowhere", 1, "cannot be made");
  if (fs::exists("/dev/full")) {
    // A full disk: a folder on a small file system of its own, where we may mount one.
    auto small = path("small");
    fs::create_directories(small);
    if (std::system(("mount -t tmpfs -o size=4k tmpfs " + small + " 2>/dev/null").c_str()) == 0) {
      write("small/keep", "");
      auto result = run(train + small);
      EXPECT_EQ(result.status, 1) << result.err;
      EXPECT_THAT(result.err, HasSubstr("cannot be written"));
      EXPECT_FALSE(fs::exists(small + "/model.json"));
      EXPECT_EQ(std::distance(fs::directory_iterator(small), fs::directory_iterator()), 1) << "only what was there";
      ASSERT_EQ(std::system(("umount " + small).c_str()), 0);
    }
  }
}

TEST_F(Cli, ALossThatBecomesNaNNamesItsStepAndItsFirstOp) {
  auto model = small_model();
  model["trainingConfig"]["optimizer_config"]["config"]["learningRate"] = 1e30;
  write("model.json", model.dump());
  write_data();
  auto plain = run("train " + path("model.json") + data_options() + " --batch-size 10 --epochs 3 --save " + path("saved"));
  EXPECT_EQ(plain.status, 1);
  EXPECT_THAT(plain.err, HasSubstr("step 2: the loss became"));
  EXPECT_THAT(plain.err, HasSubstr("nothing is saved to " + path("saved")));
  EXPECT_FALSE(fs::exists(path("saved/model.json")));
  auto checked = run("train " + path("model.json") + data_options() + " --epochs 3 --check-numerics");
  EXPECT_EQ(checked.status, 1);
  EXPECT_THAT(checked.err, testing::ContainsRegex("step 2: the loss became .*; first, .* of layer \"(first|last)\" gives -?(nan|inf) at "
                                                  "\\[[0-9,]+\\] of %.*\n  its operand %.* is from "));
}

TEST_F(Cli, WhatWasGoodBeforeANaNIsSavedAndShown) {
  // A regression whose weight grows a hundredfold each epoch of one step.
  auto model = small_model();
  auto& layers = model["modelTopology"]["config"]["layers"];
  layers.erase(1);
  layers[0]["config"] = {{"name", "line"}, {"units", 1}, {"use_bias", false}, {"batch_input_shape", {nullptr, 1}}};
  model["trainingConfig"] = {{"loss", "mean_squared_error"},
                             {"metrics", json::array()},
                             {"optimizer_config", {{"class_name", "SGD"}, {"config", {{"learningRate", 50}}}}}};
  write("model.json", model.dump());
  write("x.npy", npy("<f4", "(4, 1)", raw(std::vector<float>(4, 1))));
  write("y.npy", npy("<f4", "(4, 1)", raw(std::vector<float>(4, 0))));
  auto result =
      run("train " + path("model.json") + data_options() + " --epochs 50 --save " + path("saved") + " --report " + path("r.html"));
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("step 11: the loss became "));
  EXPECT_THAT(result.err, testing::ContainsRegex("saved .*, as they were after epoch [0-9]+"));
  EXPECT_THAT(result.err, testing::ContainsRegex("loss: [0-9.]+e\\+[0-9]+\n")) << "and not forty digits";
  EXPECT_TRUE(fs::exists(path("r.html")));
  auto outputs = run("predict " + path("saved") + " --x " + path("x.npy") + " --out " + path("p.npy"));
  EXPECT_EQ(outputs.status, 0) << outputs.err;
}

TEST_F(Cli, CtrlCEndsAfterTheStepSavesAndExitsWith130) {
  write("model.json", small_model().dump());
  write_data(4000);
  auto pid = fork();
  if (pid == 0) {
    auto model = path("model.json"), x = path("x.npy"), y = path("y.npy"), saved = path("saved"), log = path("log.jsonl");
    execl(GRADC_COMMAND, "gradc", "train", model.c_str(), "--x", x.c_str(), "--y", y.c_str(), "--epochs", "1000000", "--quiet", "--save",
          saved.c_str(), "--log", log.c_str(), nullptr);
    _exit(127);
  }
  // Once it has logged a step it is training.
  for (int i = 0; i < 600 && (!fs::exists(path("log.jsonl")) || fs::file_size(path("log.jsonl")) == 0); ++i) usleep(100000);
  kill(pid, SIGINT);
  int status = 0;
  waitpid(pid, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 130);
  EXPECT_EQ(run("eval " + path("saved") + data_options()).status, 0) << "what it saved loads";
}

TEST_F(Cli, ASecondProcessHitsEveryKernelAndADamagedEntryIsMadeAgain) {
  write("model.json", small_model().dump());
  write_data();
  auto cache = path("cache");
  auto train = "train " + path("model.json") + data_options() + " --steps 1";
  auto environment = "GRADC_CACHE=" + cache;
  auto report = [&](const Result& result) {
    auto at = result.err.find("compiled ");
    return at == std::string::npos ? result.err : result.err.substr(at, result.err.find('\n', at) - at);
  };
  auto first = run(train, environment);
  ASSERT_EQ(first.status, 0) << first.err;
  EXPECT_THAT(report(first), HasSubstr("0 from the cache"));
  auto second = run(train, environment);
  auto distinct = report(second).substr(report(second).find('(') + 1);
  distinct.resize(distinct.find(' '));
  EXPECT_THAT(report(second), HasSubstr(distinct + " distinct, " + distinct + " from the cache"));

  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(cache)) entries.push_back(entry.path());
  ASSERT_FALSE(entries.empty());
  auto expect_repair = [&](const std::string& bytes, const char* what) {
    std::ofstream(entries[0], std::ios::binary | std::ios::trunc) << bytes;
    auto result = run(train, environment);
    EXPECT_EQ(result.status, 0) << what << result.err;
    EXPECT_EQ(result.out, first.out) << what;
    EXPECT_THAT(result.err, HasSubstr("is damaged; compiling it again")) << what;
    EXPECT_THAT(run(train, environment).err, testing::Not(HasSubstr("damaged"))) << what;
  };
  auto whole = read_file(entries[0]);
  auto flipped = whole;
  flipped[whole.size() / 2] ^= 1;
  expect_repair(flipped, "a flipped bit");
  expect_repair(whole.substr(0, whole.size() / 2), "cut off");
  expect_repair("", "empty");
  expect_repair("another program's file", "another format");

  // A folder that others may write to holds no code of ours.
  chmod(cache.c_str(), 0777);
  auto open = run(train, environment);
  EXPECT_EQ(open.status, 0);
  EXPECT_THAT(open.err, HasSubstr("is not used: others may write to it"));
  chmod(cache.c_str(), 0700);
  // A cache that cannot be written to is no reason to fail.
  write("file", "x");
  auto none = run(train, "GRADC_CACHE=" + path("file"));
  EXPECT_EQ(none.status, 0);
  EXPECT_THAT(none.err, HasSubstr("is not used"));
  EXPECT_EQ(run(train, "GRADC_CACHE=").status, 0);
  // Another instruction set has entries of its own.
  EXPECT_THAT(run(train, environment + " GRADC_TARGET=x86-64-linux-sse41").err, HasSubstr(" 0 from the cache"));
}

TEST_F(Cli, AWrongTargetIsAnError) {
  write("model.json", small_model().dump());
  write_data();
  auto result = run("train " + path("model.json") + data_options(), "GRADC_TARGET=z80");
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(
      result.err,
      HasSubstr("\"z80\" is not a Halide target string, such as x86-64-linux-avx-avx2-f16c-fma-sse41, and not one of avx512, avx2,"));
}

TEST_F(Cli, AWrongCacheSizeOrNumberOfProcessorsIsAnError) {
  write("model.json", small_model().dump());
  auto dump = "dump " + path("model.json");
  for (const char* size : {"l2=", "l2=0", "l2=-1M", "l2=1G", "l2=512kB", "l3=32k", "l2=99999999999M", ""})
    EXPECT_THAT(run(dump, "GRADC_TARGET=x86-64-linux-sse41," + std::string(size)),
                testing::AllOf(testing::Field(&Result::status, 1), testing::Field(&Result::err, HasSubstr("is given as l2=512k or l2=1M"))))
        << size;
  // The same size however it is written, with this machine's code or another's.
  auto text = [&](const std::string& target) { return run(dump + " --batch-size 64", "GRADC_TARGET=" + target).out; };
  EXPECT_EQ(text(",l2=512k"), text(",l2=524288"));
  EXPECT_FALSE(text("x86-64-linux-sse41,l2=1M").empty());
  write_data();
  for (const char* processors : {"0", "-1", "two", "1.5", "99999"}) {
    auto result = run("train " + path("model.json") + data_options(), "GRADC_PROCESSORS=" + std::string(processors));
    EXPECT_EQ(result.status, 1) << processors;
    EXPECT_THAT(result.err, HasSubstr("is no number of processors")) << processors;
  }
}

TEST_F(Cli, BenchTimesTheStepAndEveryKernel) {
  write("model.json", small_model().dump());
  auto result = run("bench " + path("model.json") + " --batch-size 7 --threads 2 --seconds 0.02 --json");
  ASSERT_EQ(result.status, 0) << result.err;
  auto report = json::parse(result.out);
  EXPECT_EQ(report["batch"], 7);
  EXPECT_EQ(report["threads"], 2);
  // Two products forward, two weight gradients and one input gradient; biases, activations, loss and their gradients are less than those.
  const double products = 7 * 2 * (2 * (4 * 5 + 5 * 3) + 5 * 3) / 1e9;
  EXPECT_GT(report["step_gflop"], products);
  EXPECT_LT(report["step_gflop"], 2 * products);
  double gflop = 0, unfused = 0;
  for (const auto& kernel : report["kernels"]) {
    EXPECT_GT(kernel["min_us"], 0) << kernel;
    EXPECT_LE(kernel["min_us"], kernel["median_us"]) << kernel;
    gflop += kernel["gflop"].get<double>();
    unfused += kernel["unfused_us"].get<double>();
  }
  EXPECT_NEAR(gflop, report["step_gflop"], 1e-12) << "the kernels' work is the step's";
  EXPECT_GT(unfused, 0);
  auto text = run("bench " + path("model.json") + " --seconds 0.02 --no-kernels");
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("unfused"));
  EXPECT_THAT(text.out, testing::Not(HasSubstr("phase")));

  expect_error("bench", 2, "MODEL");
  expect_error("bench " + path("none.json"), 1, "none.json");
  expect_error("bench " + path("model.json") + " --batch-size 0", 2, "--batch-size");
  expect_error("bench " + path("model.json") + " --seconds nan", 2, "--seconds");
}

TEST_F(Cli, BenchTellsPerfTheNamesOfKernels) {
  write("model.json", small_model().dump());
  auto result =
      run("bench " + path("model.json") + " --seconds 0.02 --no-kernels --threads 1 --perf-map", "echo $$ >" + path("pid") + "; exec");
  ASSERT_EQ(result.status, 0) << result.err;
  fs::path map = "/tmp/perf-" + std::to_string(std::stoi(read_file(path("pid")))) + ".map";
  EXPECT_THAT(read_file(map), testing::ContainsRegex("[0-9a-f]+ [1-9a-f][0-9a-f]+ [^\n]*[.]dense"));
  fs::remove(map);
}

TEST_F(Cli, TuneKeepsOnlyWhatIsFaster) {
  write("model.json", small_model().dump());
  auto environment = "GRADC_CACHE=" + path("tune-cache");
  auto result = run("tune " + path("model.json") + " --batch-size 7 --threads 2 --candidates 3", environment);
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, testing::ContainsRegex("[0-9]+ of [0-9]+ kernels are faster with another schedule"));
  EXPECT_THAT(result.err, HasSubstr("candidate 2 of 2"));
  int kept = 0;
  for (const auto& entry : fs::directory_iterator(path("tune-cache")))
    kept += entry.path().filename().string().ends_with("-tuned.o") ? 1 : 0;
  EXPECT_EQ(kept > 0, result.out.find("kept in the kernel cache") != std::string::npos) << result.out;
  EXPECT_EQ(run("bench " + path("model.json") + " --batch-size 7 --seconds 0.02 --no-kernels", environment).status, 0);

  expect_error("tune " + path("model.json") + " --candidates 1", 2, "candidates");
  expect_error("tune nowhere.json", 1, "nowhere.json");
  auto none = run("tune " + path("model.json"), "GRADC_CACHE=");
  EXPECT_EQ(none.status, 1);
  EXPECT_THAT(none.err, HasSubstr("keeps what it finds in the kernel cache"));
}

TEST_F(Cli, DumpAfterPartitionTellsWhatEachPhaseDoes) {
  use_named_target();
  auto dump = run("dump " GRADC_SOURCE "/tests/models/tutorial/model.json --batch-size 70").out;
  EXPECT_THAT(dump, HasSubstr("; batch 70: 2 phases"));
  EXPECT_THAT(dump, testing::ContainsRegex("; phase 0: [0-9]+ kernels over 9 tiles of 8 images, the last of 6; 1[0-9][0-9] MFLOP, "));
  EXPECT_THAT(dump, HasSubstr("; phase 1: 8 kernels once; "));
  EXPECT_THAT(dump, HasSubstr("8 reduce partial sums"));
  EXPECT_THAT(run("dump " GRADC_SOURCE "/tests/models/tutorial/model.json --after fuse").out, testing::StartsWith("graph "));
}

TEST_F(Cli, OptimizationsAreLeftOutByName) {
  use_named_target();
  const std::string dump = "dump " GRADC_SOURCE "/tests/models/tutorial/model.json ";
  EXPECT_EQ(run(dump + "--disable fuse").out, run(dump + "--no-fuse").out);
  const auto changed = run(dump + "--disable commute_pool,rematerialize --print-changed").out;
  EXPECT_THAT(changed, HasSubstr("; simplify"));
  EXPECT_THAT(changed, testing::Not(testing::AnyOf(HasSubstr("; commute_pool"), HasSubstr("; rematerialize"))));
  expect_error(dump + "--disable shard", 1, "pass shard cannot be left out; those that can are canonicalize, commute_pool");
  expect_error(dump + "--disable recompile", 1, "there is no pass \"recompile\"; the passes are canonicalize");
}

TEST_F(Cli, DumpsParseBackAndAreStable) {
  for (const char* after : {"lower", "differentiate", "simplify", "fuse", "partition"}) {
    auto dump = run("dump " GRADC_SOURCE "/tests/models/tutorial/model.json --after " + std::string(after));
    ASSERT_EQ(dump.status, 0) << dump.err;
    write("graph.ir", dump.out);
    auto again = run("opt " + path("graph.ir"));
    EXPECT_EQ(again.status, 0) << again.err;
    EXPECT_EQ(again.out, dump.out.substr(dump.out.find("graph "))) << after << ": comments are left out";
    EXPECT_EQ(run("dump " GRADC_SOURCE "/tests/models/tutorial/model.json --after " + std::string(after)).out, dump.out);
  }
  expect_error("dump " GRADC_SOURCE "/tests/models/tutorial/model.json --after fusion", 1,
               "there is no pass \"fusion\"; the passes are lower, canonicalize");
  write("bad.ir", "graph @g {\n  %x = input \"images\" : f32[B,4]\n  %y = rleu %x : f32[B,4]\n}\n");
  expect_error("opt " + path("bad.ir"), 1, "bad.ir:3:8: there is no op 'rleu'\n    %y = rleu %x : f32[B,4]\n         ^");
}

TEST_F(Cli, ACrashInsideAPassLeavesAReproducer) {
  write("g.ir", "graph @g {\n  %x = input \"images\" : f32[B,4]\n  %y = exp %x : f32[B,4]\n  output \"y\" %y\n}\n");
  auto result = run("opt " + path("g.ir") + " --passes canonicalize,trigger_crash", "TMPDIR=" + path(""));
  EXPECT_GT(result.status, 128);
  EXPECT_THAT(result.err, HasSubstr("pass trigger_crash crashed: Aborted"));
  auto at = result.err.find("gradc opt ");
  ASSERT_NE(at, std::string::npos) << result.err;
  auto command = result.err.substr(at + 6, result.err.find('\n', at) - at - 6);
  // The command does it again, and the file alone holds the graph.
  EXPECT_GT(run(command).status, 128);
  EXPECT_EQ(run(command.substr(0, command.find(" --passes"))).out, read_file(path("g.ir")));
}

TEST_F(Cli, DumpsEveryFormOfTheCodeThatOtherToolsRead) {
  use_named_target();
  const std::string model = GRADC_SOURCE "/examples/mnist/model.json";
  auto command = [&](const std::string& line) { return std::system((line + " >/dev/null 2>&1").c_str()); };
  ASSERT_EQ(run("dump " + model + " --format llvm -o " + path("step.ll")).status, 0);
  EXPECT_EQ(command("llvm-as-19 -o /dev/null " + path("step.ll")), 0);
  auto all = run("dump " + model + " --format asm").out;
  write("kernels.s", all.substr(0, all.find("# kernel", 1)));
  EXPECT_EQ(command("as -o " + path("kernels.o") + " " + path("kernels.s")), 0);
  auto one = run("dump " + model + " --format asm --kernel dense_Dense1.dense").out;
  EXPECT_THAT(one, testing::StartsWith("# kernel dense_Dense1.dense\n"));
  EXPECT_EQ(one.find("# kernel", 1), std::string::npos);
  EXPECT_THAT(all, HasSubstr("\n# kernel dense_Dense1.dense\n"));
  auto statement = run("dump " + model + " --format stmt --kernel dense_Dense1.dense").out;
  EXPECT_THAT(statement, testing::AllOf(testing::StartsWith("// kernel dense_Dense1.dense\n"), HasSubstr("produce out")));
  expect_error("dump " + model + " --format asm --kernel dense", 1, "there is no kernel \"dense\"; the kernels are conv2d_Conv2D1.conv, ");
  expect_error("dump " + model + " --format stmt --after fuse", 1, "--after fuse does not go with it");
  expect_error("dump " + model + " --format dot --after plan", 1, "--format dot draws a graph; --after plan is a list of commands");
  expect_error("dump " + model + " --kernel x", 1, "--kernel goes with --format stmt and asm");
}

TEST_F(Cli, DumpsGraphsForGraphviz) {
  const std::string dump = "dump " GRADC_SOURCE "/examples/mnist/model.json --after ";
  auto count = [](const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
  };
  auto text = run(dump + "fuse").out, dot = run(dump + "fuse --format dot").out;
  EXPECT_EQ(count(dot, "subgraph"), count(text, "\n  kernel @"));
  EXPECT_EQ(count(dot, "[label=\"conv\""), count(text, "= conv "));
  EXPECT_THAT(dot, HasSubstr("label=\"f32[B,24,24,8]\""));
  // Before fuse, layers are the boxes.
  EXPECT_THAT(run(dump + "lower --format dot").out, HasSubstr("label=\"max_pooling2d_MaxPooling2D1\""));
}

TEST_F(Cli, DumpShowsWhatEachPassChanges) {
  auto text = run("dump " GRADC_SOURCE "/examples/mnist/model.json --print-changed --after commute_pool").out;
  EXPECT_THAT(text, testing::StartsWith("; lower\n@@ "));
  EXPECT_THAT(text, HasSubstr("\n; commute_pool\n@@ "));
  EXPECT_THAT(text, HasSubstr("\n-  %max_pooling2d_MaxPooling2D1/pool, "));
  EXPECT_THAT(text, testing::Not(HasSubstr("; differentiate")));
}

TEST_F(Cli, ProfileAccountsForTheTimeOfEachThread) {
  // Lanes that are images in two phases; lanes that are features with a barrier for each normalization; a batch with a ragged tile.
  for (const std::string arguments : {GRADC_SOURCE "/examples/mnist/model.json --batch-size 70",
                                      GRADC_SOURCE "/examples/models/resnet20/model.json --batch-size 5 --threads 2"}) {
    auto result = run("profile " + arguments + " --seconds 0.1 --json --trace " + path("trace.json") + " --trace-steps 3");
    ASSERT_EQ(result.status, 0) << result.err;
    auto profile = json::parse(result.out);
    auto threads = profile["threads"].get<std::size_t>();
    double step = profile["step_ms"], sum = 0;
    std::set<std::string> names;
    for (const auto& kernel : profile["kernels"]) {
      EXPECT_EQ(kernel["us_of_threads"].size(), threads);
      EXPECT_GE(kernel["calls"].get<double>(), 1) << kernel;
      EXPECT_GT(kernel["mean_us"].get<double>(), 0) << kernel;
      sum += kernel["mean_us"].get<double>();
      names.insert(kernel["name"].get<std::string>());
    }
    for (const auto& activity : profile["activities"]) sum += activity["mean_us"].get<double>();
    EXPECT_NEAR(sum / 1e3, step, 0.03 * step);
    EXPECT_NEAR(profile["accounted_ms"].get<double>(), step, 0.03 * step);

    // In the trace the bars of a thread follow each other, and those of a step lie in its bar.
    auto trace = json::parse(read_file(path("trace.json")));
    std::map<int, double> free_from;
    std::set<std::string> bars;
    int steps = 0;
    double end_of_step = 0;
    for (const auto& event : trace["traceEvents"]) {
      if (event["ph"] != "X") continue;
      double begin = event["ts"], end = begin + event["dur"].get<double>();
      EXPECT_GE(begin, free_from[event["tid"]] - 0.002) << event;
      free_from[event["tid"]] = end;
      if (event["cat"] == "step") {
        ++steps;
        end_of_step = end;
      } else {
        EXPECT_LE(end, end_of_step + 0.002) << event;
      }
      if (event["cat"] == "kernel") bars.insert(event["name"].get<std::string>());
    }
    EXPECT_EQ(steps, 3);
    EXPECT_EQ(bars, names);
  }
}

TEST_F(Cli, ProfileDrawsARooflineAndRefusesWhatItCannotWrite) {
  const std::string model = "profile " GRADC_SOURCE "/examples/models/mlp/model.json --seconds 0.05 ";
  auto result = run(model + "--roofline " + path("roof.svg"));
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("profiling costs"));
  auto svg = read_file(path("roof.svg"));
  EXPECT_THAT(svg, testing::AllOf(testing::StartsWith("<svg "), HasSubstr("FMA peak"), HasSubstr(".dense_weight_grad_whole"),
                                  testing::EndsWith("</svg>\n")));
  expect_error(model + "--trace " + path("stdout") + "/x.json", 1, "gradc: " + path("stdout") + ": cannot be made: Not a directory");
}

TEST_F(Cli, DebuggersAndProfilersSeeKernelsByName) {
  const std::string profile = GRADC_COMMAND " profile " GRADC_SOURCE "/examples/mnist/model.json --threads 1 --seconds 0.1 ";
  auto output_of = [&](const std::string& command) {
    static_cast<void>(std::system((command + " >" + path("tool") + " 2>&1").c_str()));
    return read_file(path("tool"));
  };
  write("commands", "set breakpoint pending on\nset debuginfod enabled off\nbreak conv2d_Conv2D2.conv_input_grad\nrun\nbt\nkill\nquit\n");
  auto gdb = output_of("gdb -batch -x " + path("commands") + " --args " + profile + "--gdb");
  EXPECT_TRUE(gdb.find("not found") != std::string::npos || gdb.find("ptrace") != std::string::npos ||
              testing::Matches(testing::ContainsRegex("#0 .* in conv2d_Conv2D2.conv_input_grad \\(\\)\n#1 .* in step \\(\\)"))(gdb))
      << gdb;
  auto recorded = output_of("perf record -e cpu-clock -o " + path("perf.data") + " " + profile + "--perf-map");
  if (recorded.find("training step") == std::string::npos) GTEST_SKIP() << "perf cannot record here: " << recorded;
  EXPECT_THAT(output_of("perf report --stdio -i " + path("perf.data")), HasSubstr("conv2d_Conv2D2.conv_input_grad"));
}

TEST_F(Cli, AReportShowsWhatADataSetHasAndRefusesWhatItCannotWrite) {
  write("model.json", small_model().dump());
  write_data();
  // No validation data: no confusion matrix, but all else; and the numbers are those of the same training without a report.
  auto train = "train " + path("model.json") + data_options() + " --epochs 2 --seed 3";
  auto plain = run(train), reported = run(train + " --report " + path("report.html"));
  ASSERT_EQ(reported.status, 0) << reported.err;
  EXPECT_EQ(plain.out, reported.out);
  auto page = read_file(path("report.html"));
  EXPECT_THAT(page, testing::AllOf(testing::StartsWith("<!doctype html>"), HasSubstr("\"confusion\":[]"),
                                   HasSubstr("\"name\":\"first/kernel\",\"gradient\":true")));
  expect_error(train + " --report " + path("model.json") + "/report.html", 1, path("model.json") + ": cannot be made: Not a directory");
  expect_error(train + " --tensorboard " + path("model.json") + "/events", 1, path("model.json") + "/events");
  expect_error(train + " --report-live 99999", 1, "\"99999\" is no port, a number from 0 to 65535");
  expect_error(train + " --report-live localhost:x", 1, "\"x\" is no port");
}

TEST_F(Cli, SummaryIsTheTableOfKeras) {
  EXPECT_EQ(run("summary " GRADC_SOURCE "/tests/models/tutorial/model.json").out,
            "Model: \"sequential_1\"\n"
            "___________________________________________________________________________\n"
            " Layer (type)                                 Output Shape        Param #\n"
            "===========================================================================\n"
            " conv2d_Conv2D1 (Conv2D)                      (None, 24, 24, 8)   208\n"
            " max_pooling2d_MaxPooling2D1 (MaxPooling2D)   (None, 12, 12, 8)   0\n"
            " conv2d_Conv2D2 (Conv2D)                      (None, 8, 8, 16)    3,216\n"
            " max_pooling2d_MaxPooling2D2 (MaxPooling2D)   (None, 4, 4, 16)    0\n"
            " flatten_Flatten1 (Flatten)                   (None, 256)         0\n"
            " dense_Dense1 (Dense)                         (None, 10)          2,570\n"
            "===========================================================================\n"
            "Total params: 5,994\nTrainable params: 5,994\nNon-trainable params: 0\n"
            "___________________________________________________________________________\n");
  auto residual = run("summary " GRADC_SOURCE "/examples/models/resnet20/model.json").out;
  EXPECT_THAT(residual, HasSubstr("Connected to"));
  EXPECT_THAT(residual,
              testing::ContainsRegex(
                  "add_Add1 \\(Add\\) +\\(None, 32, 32, 16\\) +0 +activation_Activation1, batch_normalization_BatchNormalization3\n"));
  // Moving means and variances are not trained.
  EXPECT_THAT(residual, HasSubstr("Total params: 274,042\nTrainable params: 272,474\nNon-trainable params: 1,568\n"));
  // A name stays in its line.
  std::ofstream(path("lines.json")) << R"({"modelTopology": {"class_name": "Sequential", "config": {"name": "two\nlines", "layers": [
      {"class_name": "Dense", "config": {"name": "a\nb", "units": 1, "batch_input_shape": [null, 2]}}]}}})";
  EXPECT_THAT(run("summary " + path("lines.json")).out, AllOf(HasSubstr("\"two\\nlines\""), HasSubstr(" a\\nb (Dense)   (None, 1)")));
  expect_error("summary " + path("none.json"), 1, "none.json: cannot be read");
  const json open = {{"class_name", "LSTM"}, {"config", {{"name", "read"}, {"units", 3}, {"batch_input_shape", {nullptr, nullptr, 2}}}}};
  std::ofstream(path("open.json")) << json{{"class_name", "Sequential"}, {"config", {{"name", "m"}, {"layers", {open}}}}};
  for (const char* shape : {"7,2", "read=7,2"})
    EXPECT_THAT(run("summary " + path("open.json") + " --input-shape " + shape).out, HasSubstr("read (LSTM)"));
  for (const char* shape : {"7,", "7x2", "read=", "0,2"})
    expect_error("summary " + path("open.json") + " --input-shape " + shape, 2, "is not [NAME=] and dimensions with commas, as 80,8");
}

TEST_F(Cli, DiffTellsTheFirstValueThatDiffers) {
  const std::string tutorial = GRADC_SOURCE "/tests/models/tutorial/model.json";
  auto same = run("diff " + tutorial + " reference");
  EXPECT_EQ(same.status, 0) << same.out << same.err;
  EXPECT_THAT(same.out, HasSubstr("all agree within 0.0001"));
  EXPECT_EQ(run("diff jit-no-fuse passes=differentiate,update,decompose --model " GRADC_SOURCE
                "/examples/models/mlp/model.json --data random --batch-size 3")
                .status,
            0);

  // Two checkpoints that differ in one number of the last layer: all before agrees.
  fs::copy(GRADC_SOURCE "/tests/models/tutorial", path("changed"), fs::copy_options::recursive);
  auto weights = read_file(path("changed/weights.bin"));
  float number = 7;
  std::memcpy(weights.data() + weights.size() - 4 * 12, &number, 4);  // The last of the dense kernel; ten biases and "iter" follow.
  write("changed/weights.bin", weights);
  auto different = run("diff " + tutorial + " " + path("changed"));
  EXPECT_EQ(different.status, 1);
  EXPECT_THAT(different.out,
              HasSubstr("the first is\nparam of layer \"dense_Dense1\"\n  result  %dense_Dense1/kernel : f32[256,10] differs by"));
  EXPECT_THAT(different.out, testing::ContainsRegex("at \\[255,9\\]: .* and 7\n"));
  EXPECT_TRUE(different.err.empty()) << different.err;

  expect_error("diff reference jit", 1, "reference: of which model? Name one with --model");
  expect_error("diff " + tutorial + " passes=nosuch", 1, "there is no pass \"nosuch\"; the passes are");
  expect_error("diff " + tutorial, 2, "B is required");
}

TEST_F(Cli, WhatTheFileDoesNotSayAboutTrainingIsChosenByItsOutputAndSaid) {
  auto expect_choice = [&](const char* activation, int units, const std::string& labels, const char* choice, const char* metric) {
    auto model = small_model();
    model.erase("trainingConfig");
    auto& last = model["modelTopology"]["config"]["layers"][1]["config"];
    last["activation"] = activation;
    last["units"] = units;
    write("m.json", model.dump());
    write_data();
    write("y1.npy", npy("<f4", "(40, 1)", std::string(160, '\0')));
    for (const char* command : {"train ", "eval "}) {
      auto result = run(command + path("m.json") + " --backend reference --x " + path("x.npy") + " --y " + path(labels));
      EXPECT_EQ(result.status, 0) << result.err;
      EXPECT_THAT(result.err, HasSubstr(std::string("gradc: no training configuration: using ") + choice));
      EXPECT_THAT(result.out, HasSubstr(metric));
    }
  };
  expect_choice("softmax", 3, "y.npy", "loss categoricalCrossentropy, optimizer Adam with learning rate 0.001, metric accuracy; --loss",
                "acc: ");
  expect_choice("sigmoid", 1, "y1.npy", "loss binaryCrossentropy, optimizer Adam with learning rate 0.001, metric accuracy; --loss",
                "acc: ");
  expect_choice("linear", 1, "y1.npy", "loss meanSquaredError, optimizer Adam with learning rate 0.001; --loss", "loss: ");
}

TEST_F(Cli, TrainingOptionsReplaceWhatTheFileSays) {
  write("m.json", small_model().dump());
  write_data();
  auto train = "train " + path("m.json") + data_options() + " --backend reference ";
  auto result = run(train + "--loss sparseCategoricalCrossentropy --optimizer adam:beta_1=0.5,clipnorm=2 --lr 0.25 " +
                    "--metrics accuracy,precision:threshold=0.7,class_id=1,recall --save " + path("saved"));
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err, testing::Not(HasSubstr("no training configuration")));
  EXPECT_THAT(result.out, testing::AllOf(HasSubstr("acc: "), HasSubstr("precision: "), HasSubstr("recall: ")));
  auto saved = json::parse(read_file(path("saved/model.json")));
  auto optimizer = saved["modelTopology"]["training_config"]["optimizer_config"];
  EXPECT_EQ(optimizer["class_name"], "Adam");
  EXPECT_EQ(optimizer["config"]["beta_1"], 0.5);
  EXPECT_EQ(optimizer["config"]["clipnorm"], 2);
  EXPECT_EQ(optimizer["config"]["learning_rate"], 0.25);
  expect_error(train + "--optimizer adam:beta_3=1 --loss circle", 1, "\"beta_3\" (1) is not an option of it");
  expect_error(train + "--optimizer adam:beta_3=1 --loss circle", 1, "loss \"circle\" is not known");
  EXPECT_EQ(run("eval --metrics accuracy " + path("m.json") + data_options() + " --backend reference").status, 0);
  expect_error(train + "--lr -1", 1, "\"learning_rate\" is -1, expected a finite number of at least 0");
  expect_error(train + "--lr nan", 1, "\"learning_rate\" is nan");
  expect_error(train + "--metrics precision:threshold", 1, "\"threshold\" is no option; they read key=value");
}

TEST_F(Cli, TrainingStopsEarlyAndSavesTheBest) {
  write("m.json", small_model().dump());
  write_data();
  auto train = "train " + path("m.json") + data_options() + " --backend reference --validation-split 0.25 ";
  // An epoch whose loss is not less than 1e9 below the best one's is none.
  auto result = run(train + "--epochs 9 --early-stopping min_delta=1e9,patience=2 --save-best " + path("best") + " --log " + path("e.csv"));
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("stopped after epoch 3: nothing got better"));
  auto log = read_file(path("e.csv"));
  EXPECT_THAT(log, HasSubstr("epoch,"));
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 4);
  EXPECT_TRUE(fs::exists(path("best/model.json")));
  EXPECT_THAT(run(train + "--epochs 9 --early-stopping --patience 0 -q").err, testing::Not(HasSubstr("stopped")));
  EXPECT_THAT(run(train + "--epochs 2 --reduce-lr factor=0.5 --monitor loss -q").out, HasSubstr("learning_rate: "));
  expect_error(train + "--early-stopping patients=3", 1, "\"patients\" (3) is not an option of it; known are monitor, min_delta, patience");
  expect_error(train + "--patience 3 --monitor val_auc", 1, "early stopping: there is no \"val_auc\" in the logs, which have loss");
  expect_error(train + "--reduce-lr --lr cosine_decay:initial_learning_rate=1,decay_steps=2", 1, "the learning rate follows a schedule");
  result = run(train + "--lr piecewise_constant_decay:boundaries=[2,4],values=[0.1,0.2,0.3] --save " + path("saved") + " --report " +
               path("report.html"));
  EXPECT_EQ(result.status, 0) << result.err;
  auto saved = json::parse(read_file(path("saved/model.json")))["modelTopology"]["training_config"]["optimizer_config"]["config"];
  EXPECT_EQ(saved["learning_rate"]["config"], json::parse(R"({"boundaries": [2, 4], "values": [0.1, 0.2, 0.3]})"));
  EXPECT_EQ(run("train " + path("saved") + data_options() + " --backend reference").status, 0);
}

TEST_F(Cli, WhatCannotLearnIsRefusedWithWhatWouldBeRight) {
  auto expect_refused = [&](const char* activation, int units, const char* loss, const char* remedy) {
    auto model = small_model();
    auto& last = model["modelTopology"]["config"]["layers"][1]["config"];
    last["activation"] = activation;
    last["units"] = units;
    write("m.json", model.dump());
    write_data();
    expect_error("train " + path("m.json") + data_options() + " --loss " + loss, 1, remedy);
  };
  expect_refused("softmax", 1, "categoricalCrossentropy",
                 "a softmax of one unit, which is always 1, so nothing can be learned: use a sigmoid");
  expect_refused("sigmoid", 1, "categoricalCrossentropy", "is always 0, so nothing can be learned: use binaryCrossentropy");
  expect_refused("linear", 3, "categoricalCrossentropy", "end the model in a softmax, or give the loss from_logits");
  expect_refused("tanh", 1, "binaryCrossentropy", "end the model in a sigmoid, or give the loss from_logits");
}

}  // namespace
}  // namespace gradc::test
