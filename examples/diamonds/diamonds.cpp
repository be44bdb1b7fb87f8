// Trains a net to say what a diamond costs, from a CSV file.
//     build/bin/diamonds MODEL.json DIAMONDS.csv [EPOCHS]
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

#include <fmt/format.h>

#include "gradc/gradc.h"

using namespace gradc;

/// A column of the file: numbers, or words of which each is an input that is 1 or 0.
struct Column {
  std::string name;
  std::vector<std::string> words = {};
};

const std::vector<Column> kColumns = {
    {"carat"},
    {"depth"},
    {"table"},
    {"x"},
    {"y"},
    {"z"},
    {"cut", {"Fair", "Good", "Very Good", "Premium", "Ideal"}},
    {"color", {"D", "E", "F", "G", "H", "I", "J"}},
    {"clarity", {"I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF"}},
};

/// Of the sizes in millimetres some are 0, and some ten times too large: a net of straight lines makes absurd prices of those.
bool is_possible(float size) { return size > 0 && size < 20; }

/// The cells of a line without commas inside of them.
std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream stream(line);
  for (std::string cell; std::getline(stream, cell, ',');) {
    std::erase(cell, '"');
    std::erase(cell, '\r');
    cells.push_back(cell);
  }
  return cells;
}

struct Table {
  std::vector<std::vector<float>> inputs;  ///< A column each.
  std::vector<float> prices;
};

float number_of(const std::string& cell, const std::string& path) {
  char* end = nullptr;
  const auto number = std::strtof(cell.c_str(), &end);
  if (cell.empty() || *end != 0) throw Error("{}: \"{}\" is no number", path, cell);
  return number;
}

Table read_table(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) throw Error("{}: no lines to read", path);
  const auto names = cells_of(line);
  auto place_of = [&](const std::string& name) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) throw Error("{}: no column \"{}\"", path, name);
    return static_cast<std::size_t>(found - names.begin());
  };
  Table table;
  std::vector<std::vector<std::string>> rows;
  for (int number = 2; std::getline(file, line); ++number) {
    auto cells = cells_of(line);
    if (cells.size() != names.size()) throw Error("{}: line {} has {} cells, not {}", path, number, cells.size(), names.size());
    bool possible = true;
    for (const auto* size : {"x", "y", "z"}) possible = possible && is_possible(number_of(cells[place_of(size)], path));
    if (possible) rows.push_back(std::move(cells));
  }
  for (const auto& column : kColumns) {
    const auto place = place_of(column.name);
    if (column.words.empty()) table.inputs.emplace_back();
    if (column.words.empty())
      for (const auto& row : rows) table.inputs.back().push_back(number_of(row[place], path));
    for (const auto& word : column.words) {
      table.inputs.emplace_back();
      for (const auto& row : rows) table.inputs.back().push_back(row[place] == word);
    }
  }
  for (const auto& row : rows) table.prices.push_back(number_of(row[place_of("price")], path));
  return table;
}

/// Shifts and scales numbers to a mean of 0 and a deviation of 1.
void standardize(std::vector<float>& numbers) {
  double sum = 0, squares = 0;
  for (auto x : numbers) sum += x;
  const auto mean = sum / static_cast<double>(numbers.size());
  for (auto x : numbers) squares += (x - mean) * (x - mean);
  const auto deviation = std::sqrt(squares / static_cast<double>(numbers.size()));
  for (auto& x : numbers) x = static_cast<float>((x - mean) / deviation);
}

int main(int argc, char** argv) try {
  if (argc < 3) throw Error("it is called with MODEL.json DIAMONDS.csv [EPOCHS]");
  auto table = read_table(argv[2]);
  for (auto& column : table.inputs) standardize(column);
  const auto count = static_cast<std::int64_t>(table.prices.size());
  std::vector<float> x, y;
  for (std::int64_t row = 0; row < count; ++row) {
    for (const auto& column : table.inputs) x.push_back(column[row]);
    y.push_back(std::log(table.prices[row]));  // an error of a tenth counts the same for a cheap diamond and a dear one
  }
  const auto all = DataSet::from(x, {static_cast<std::int64_t>(table.inputs.size())}, y, {1}).shuffled(1);
  const auto test = all.slice(0, count / 5), train = all.slice(count / 5, count);

  auto model = Model::load(argv[1], {.seed = 1});
  model.fit(train,
            {.batch_size = 64,
             .epochs = argc > 3 ? std::atoi(argv[3]) : 30,
             .validation_split = 0.1,
             .on_epoch_end =
                 [](auto epoch, const Logs& logs) {
                   std::cout << fmt::format("epoch {:2}  loss {:.5f}  validation: loss {:.5f}\n", epoch + 1, logs.at("loss"),
                                            logs.at("val_loss"));
                 },
             .callbacks = {ReduceLROnPlateau{.factor = 0.3, .patience = 2}, EarlyStopping{.patience = 5, .restore_best_weights = true}}});

  const auto told = model.predict(test);
  double error = 0, share = 0, mean = 0;
  for (auto price : table.prices) mean += price / static_cast<double>(count);
  double error_of_mean = 0;
  for (std::int64_t i = 0; i < test.size(); ++i) {
    const auto price = table.prices[test.rows()[i]], off = std::abs(std::exp(told[i]) - price);
    error += off / static_cast<double>(test.size());
    share += off / price / static_cast<double>(test.size());
    error_of_mean += std::abs(mean - price) / static_cast<double>(test.size());
  }
  std::cout << fmt::format(
      "{} diamonds that it has not seen: off by {:.0f} dollars or {:.1f} % on average; the mean of all prices is off by {:.0f}\n",
      test.size(), error, 100 * share, error_of_mean);
} catch (const Error& error) {
  std::cerr << "diamonds: " << error.what() << "\n";
  return 1;
}
