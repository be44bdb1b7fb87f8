// Files as other threads, other processes and kills leave them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <set>
#include <thread>

#include "frontend/model_json.h"
#include "gradc/error.h"
#include "support/files.h"

namespace gradc::test {
namespace {

namespace fs = std::filesystem;

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename().string());
  return names;
}

/// One dense layer, all of whose weights are this number.
ModelFile model_of(float number) {
  auto folder = TemporaryFolder();
  write_file(folder.path() / "model.json", R"({"modelTopology": {"class_name": "Sequential", "config": {"name": "m", "layers": [
    {"class_name": "Dense", "config": {"name": "d", "units": 8, "batch_input_shape": [null, 64]}}]}}})");
  auto model = read_model(folder.path());
  model.weights = {{"d/kernel", {64, 8}, std::vector<float>(512, number)}, {"d/bias", {8}, std::vector<float>(8, number)}};
  return model;
}

/// The number of model_of, if what is read is one save and not parts of two.
float number_in(const fs::path& folder) {
  auto model = read_model(folder);
  EXPECT_EQ(model.weights.size(), 2u);
  auto number = model.weights[0].values[0];
  for (const auto& weight : model.weights) EXPECT_EQ(std::set<float>(weight.values.begin(), weight.values.end()), std::set<float>{number});
  return number;
}

/// A child process that does this until it is killed.
pid_t start(const std::function<void()>& work) {
  auto child = fork();
  if (child != 0) return child;
  try {
    for (;;) work();
  } catch (...) {
    _exit(1);
  }
}

void kill_and_wait(pid_t child) {
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "it ended by itself, with " << WEXITSTATUS(status);
}

TEST(Save, KilledAtAnyInstantLeavesOneWholeSaveAndTheNextCleansUp) {
  TemporaryFolder folder;
  std::vector<ModelFile> models;
  for (int i = 0; i < 5; ++i) models.push_back(model_of(static_cast<float>(i)));
  write_model(folder.path(), models[0]);
  std::mt19937 random(1);
  for (int round = 0; round < 40; ++round) {
    auto saving = [&, next = 0]() mutable { write_model(folder.path(), models[static_cast<std::size_t>(next++ % 5)]); };
    auto first = start(saving), second = start(saving);
    usleep(random() % 40000);
    EXPECT_NO_THROW(number_in(folder.path())) << "while two processes save";
    kill_and_wait(first);
    kill_and_wait(second);
    ASSERT_NO_THROW(number_in(folder.path())) << "after a kill, round " << round;
  }
  write_model(folder.path(), models[3]);
  EXPECT_EQ(number_in(folder.path()), 3);
  EXPECT_EQ(names_in(folder.path()).size(), 2u) << testing::PrintToString(names_in(folder.path()));
}

TEST(Files, AFileThatTakesThePlaceOfAnEqualOneIsAnotherVersion) {
  TemporaryFolder folder;
  const auto file = folder.path() / "file";
  EXPECT_EQ(version_of(file), version_of(file)) << "not there";
  write_file(file, "same");
  const auto first = version_of(file);
  EXPECT_EQ(version_of(file), first);
  // The first one's inode may be used again.
  write_file(file, "other");
  write_file(file, "same");
  EXPECT_NE(version_of(file), first);
}

TEST(Save, ThreadsThatSaveToOneFolderLeaveOneOfTheirSaves) {
  TemporaryFolder folder;
  std::vector<ModelFile> models;
  for (int i = 0; i < 4; ++i) models.push_back(model_of(static_cast<float>(i)));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      for (int k = 0; k < 4; ++k) EXPECT_NO_THROW(write_model(folder.path(), models[static_cast<std::size_t>(i)]));
    });
  for (auto& thread : threads) thread.join();
  number_in(folder.path());
  EXPECT_EQ(names_in(folder.path()).size(), 2u);
}

TEST(Save, TakesThePlaceOfAnEarlierFormAndLeavesOtherFilesAlone) {
  TemporaryFolder folder;
  write_model(folder.path(), model_of(1));
  auto text = read_file(folder.path() / "model.json");
  for (const auto& name : names_in(folder.path()))
    if (name != "model.json") {
      fs::rename(folder.path() / name, folder.path() / "weights.bin");
      text.replace(text.find(name), name.size(), "weights.bin");
    }
  write_file(folder.path() / "model.json", text);
  write_file(folder.path() / "weights.best.bin", "mine");
  EXPECT_EQ(number_in(folder.path()), 1) << "weights.bin is read as before";
  write_model(folder.path(), model_of(2));
  EXPECT_EQ(number_in(folder.path()), 2);
  auto names = names_in(folder.path());
  EXPECT_FALSE(names.contains("weights.bin"));
  EXPECT_TRUE(names.contains("weights.best.bin"));
  EXPECT_EQ(names.size(), 3u);
}

TEST(Save, ThatFailsLeavesTheOneBefore) {
  TemporaryFolder folder;
  write_model(folder.path(), model_of(1));
  auto before = names_in(folder.path());
  fs::rename(folder.path() / "model.json", folder.path() / "kept.json");
  fs::create_directory(folder.path() / "model.json");
  EXPECT_THROW(write_model(folder.path(), model_of(2)), Error);
  fs::remove(folder.path() / "model.json");
  fs::rename(folder.path() / "kept.json", folder.path() / "model.json");
  EXPECT_EQ(names_in(folder.path()), before);
  EXPECT_EQ(number_in(folder.path()), 1);
}

TEST(Files, ThreadsMayWriteOneFile) {
  TemporaryFolder folder;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      for (int k = 0; k < 10; ++k) EXPECT_NO_THROW(write_file(folder.path() / "file", std::string(5000, static_cast<char>('a' + i))));
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(read_file(folder.path() / "file"), std::string(5000, read_file(folder.path() / "file")[0]));
  EXPECT_EQ(names_in(folder.path()), std::set<std::string>{"file"});
}

TEST(Files, LeftoversOfTheDeadAreRemovedAndFilesOfTheLivingStay) {
  TemporaryFolder folder;
  write_file(folder.path() / ".gradc-tmp-1-0", "of a process that has ended");
  std::thread living([&] {
    for (int k = 0; k < 20; ++k) EXPECT_NO_THROW(write_file(folder.path() / "file", "x"));
  });
  for (int k = 0; k < 200; ++k) remove_leftovers(folder.path());
  living.join();
  EXPECT_EQ(names_in(folder.path()), std::set<std::string>{"file"});
}

TEST(Files, ATemporaryFolderOfAKilledProcessGoesWithTheNext) {
  TemporaryFolder outer;
  auto before = std::string(std::getenv("TMPDIR") == nullptr ? "" : std::getenv("TMPDIR"));
  setenv("TMPDIR", outer.path().c_str(), 1);
  auto child = start([] {
    TemporaryFolder folder;
    write_file(folder.path() / "file", "x");
    pause();
  });
  for (int i = 0; i < 500 && names_in(outer.path()).empty(); ++i) usleep(10000);
  {
    TemporaryFolder second;
    EXPECT_EQ(names_in(outer.path()).size(), 2u) << "the first one's owner lives";
  }
  kill_and_wait(child);
  EXPECT_EQ(names_in(outer.path()).size(), 1u);
  {
    TemporaryFolder third;
    EXPECT_EQ(names_in(outer.path()).size(), 1u) << "the first is gone";
  }
  before.empty() ? unsetenv("TMPDIR") : setenv("TMPDIR", before.c_str(), 1);
}

}  // namespace
}  // namespace gradc::test
