// docs/architecture.md against the code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>
#include <sstream>

#include "support/files.h"

namespace gradc::test {
namespace {

namespace fs = std::filesystem;
using Rooms = std::set<std::string>;

struct Row {
  std::string room;
  Rooms includes;
};

/// What stands between backquotes.
std::vector<std::string> quoted(const std::string& text) {
  std::vector<std::string> all;
  for (auto at = text.find('`'); at != std::string::npos; at = text.find('`', at)) {
    const auto end = text.find('`', at + 1);
    all.push_back(text.substr(at + 1, end - at - 1));
    at = end + 1;
  }
  return all;
}

std::string architecture() { return read_file(GRADC_SOURCE "/docs/architecture.md"); }

/// The cells of the rows of the table under a header.
std::vector<std::vector<std::string>> table(const std::string& header) {
  const auto text = architecture();
  std::istringstream lines(text.substr(text.find(header)));
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(lines, line) && line.starts_with("|");) {
    auto& cells = rows.emplace_back();
    std::istringstream stream(line.substr(1));
    for (std::string cell; std::getline(stream, cell, '|');) cells.push_back(cell);
  }
  rows.erase(rows.begin(), rows.begin() + 2);
  return rows;
}

std::vector<Row> rooms() {
  std::vector<Row> rows;
  for (const auto& cells : table("| room | holds | includes |")) {
    const auto includes = quoted(cells.at(2));
    rows.push_back({quoted(cells.at(0)).at(0), {includes.begin(), includes.end()}});
  }
  return rows;
}

/// The room that a path lies in: the longest that it begins with.
std::string room_of(const std::string& path, const std::vector<Row>& rows) {
  std::string found;
  for (const auto& row : rows)
    if (path.starts_with(row.room + "/") && row.room.size() > found.size()) found = row.room;
  return found;
}

bool is_source(const fs::path& path) { return path.extension() == ".cpp" || path.extension() == ".h"; }

TEST(Architecture, RoomsIncludeWhatTheirRowsSay) {
  const auto rows = rooms();
  const fs::path source = GRADC_SOURCE;
  std::map<std::string, Rooms> included;
  for (const auto& row : rows)
    for (const auto& entry : fs::recursive_directory_iterator(source / row.room)) {
      if (!is_source(entry.path()) || room_of(fs::relative(entry.path(), source).string(), rows) != row.room) continue;
      std::istringstream lines(read_file(entry.path()));
      for (std::string line; std::getline(lines, line);)
        if (line.starts_with("#include \""))
          if (auto to = room_of(line.substr(10).starts_with("gradc/") ? "include/" + line.substr(10) : line.substr(10), rows);
              !to.empty() && to != row.room)
            included[row.room].insert(to);
    }
  Rooms above;
  for (const auto& row : rows) {
    EXPECT_EQ(included[row.room], row.includes) << "what " << row.room << " includes, and its row in docs/architecture.md";
    for (const auto& other : row.includes)
      EXPECT_TRUE(above.contains(other)) << row.room << " includes " << other << ", which stands below it";
    above.insert(row.room);
  }
}

TEST(Architecture, EveryFolderOfSourcesIsARoom) {
  const auto rows = rooms();
  const Rooms beside = {"tests", "examples"};
  for (const auto& folder : fs::directory_iterator(GRADC_SOURCE)) {
    const auto name = folder.path().filename().string();
    if (!folder.is_directory() || name.starts_with('.') || name.starts_with("build") || beside.contains(name)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(folder.path()))
      EXPECT_TRUE(!is_source(entry.path()) || !room_of(fs::relative(entry.path(), GRADC_SOURCE).string(), rows).empty()) << entry.path();
  }
}

TEST(Architecture, PublicHeadersStandAlone) {
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(GRADC_SOURCE) / "include")) {
    if (!is_source(entry.path())) continue;
    std::istringstream lines(read_file(entry.path()));
    for (std::string line; std::getline(lines, line);) {
      const bool ours = line.starts_with("#include \"");
      EXPECT_TRUE(!ours || line.starts_with("#include \"gradc/")) << entry.path() << ": " << line;
      for (const auto* library : {"<nlohmann", "<llvm", "<Halide"}) EXPECT_EQ(line.find(library), std::string::npos) << entry.path();
    }
  }
}

TEST(Architecture, WhatItSaysToTouchIsThere) {
  int paths = 0;
  for (const auto& cells : table("| to add | touch |"))
    for (const auto& path : quoted(cells.at(1))) {
      if (path == "iteration") continue;
      EXPECT_TRUE(fs::exists(fs::path(GRADC_SOURCE) / path)) << path;
      ++paths;
    }
  EXPECT_GT(paths, 15);
}

}  // namespace
}  // namespace gradc::test
