// Trains an LSTM to say which character of a text comes next, and has it write some.
//     build/bin/char_lstm MODEL.json TEXT [EPOCHS]
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>

#include <fmt/format.h>

#include "gradc/gradc.h"

using namespace gradc;

constexpr std::size_t kSteps = 64, kCharacters = 96;  // as model.json has them

/// Line ends are 0, what ASCII prints is 1 to 95, and anything else a space.
int number_of(char c) { return c == '\n' ? 0 : c >= ' ' && c <= '~' ? c - ' ' + 1 : 1; }
char character_of(std::size_t number) { return number == 0 ? '\n' : static_cast<char>(' ' + number - 1); }

/// Pieces of the text, each with the characters that come one later.
DataSet pieces_of(const std::string& text) {
  std::vector<float> now, next;
  for (std::size_t begin = 0; begin + kSteps < text.size(); begin += kSteps)
    for (std::size_t i = begin; i < begin + kSteps; ++i) {
      now.push_back(static_cast<float>(number_of(text[i])));
      next.push_back(static_cast<float>(number_of(text[i + 1])));
    }
  return DataSet::from(now, {kSteps}, next, {kSteps});
}

/// Goes on with a text: draws each character by the model's probabilities to the power of 1 / temperature.
std::string write_on(Model& model, std::string text, int characters, double temperature, std::mt19937& random) {
  for (int i = 0; i < characters; ++i) {
    auto seen = text.substr(text.size() > kSteps ? text.size() - kSteps : 0);
    seen.insert(0, kSteps - seen.size(), '\n');
    std::vector<float> now;
    for (char c : seen) now.push_back(static_cast<float>(number_of(c)));
    const auto probabilities = model.predict(DataSet::from(DataSet::Array::of(now, {kSteps}), {}));
    std::vector<double> weights(probabilities.end() - kCharacters, probabilities.end());
    for (auto& weight : weights) weight = std::pow(weight, 1 / temperature);
    text += character_of(std::discrete_distribution<std::size_t>(weights.begin(), weights.end())(random));
  }
  return text;
}

int main(int argc, char** argv) try {
  if (argc < 3) throw Error("it is called with MODEL.json TEXT [EPOCHS]");
  std::ifstream file(argv[2]);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  if (text.size() < 100 * kSteps) throw Error("{}: no text of {} characters or more", argv[2], 100 * kSteps);
  const auto rest = text.size() / 20;
  const auto train = pieces_of(text.substr(0, text.size() - rest)), test = pieces_of(text.substr(text.size() - rest));

  auto model = Model::load(argv[1], {.seed = 1});
  model.fit(train,
            {.batch_size = 32,
             .epochs = argc > 3 ? std::atoi(argv[3]) : 20,
             .validation_data = test,
             .on_epoch_end = [](auto epoch, const Logs& logs) {
               std::cout << fmt::format(
                                "epoch {:2}  bits a character {:.3f}  in the last twentieth {:.3f}, of which {:.1f} % are foreseen\n",
                                epoch + 1, logs.at("loss") / std::log(2), logs.at("val_loss") / std::log(2), 100 * logs.at("val_acc"))
                         << std::flush;
             }});
  std::mt19937 random(1);
  for (const auto* word : {"LOVE, n.  ", "COMPILER, n.  "}) std::cout << "\n" << write_on(model, word, 300, 0.5, random) << "\n";
} catch (const Error& error) {
  std::cerr << "char_lstm: " << error.what() << "\n";
  return 1;
}
