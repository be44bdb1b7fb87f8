// Trains an encoder of a transformer to say of which language a word is, by its letters.
//     build/bin/languages MODEL.json FOLDER [EPOCHS] [WORD...]      FOLDER has a list of words for each language
#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>

#include <fmt/format.h>

#include "gradc/gradc.h"

using namespace gradc;

constexpr std::size_t kLetters = 16, kWords = 20000;  // the first as model.json has it; the second of each language
constexpr std::array<const char*, 5> kLists = {"american-english", "french", "ngerman", "italian", "spanish"};
constexpr std::array<const char*, 5> kNames = {"English", "French", "German", "Italian", "Spanish"};

/// The letters of a word in UTF-8 as numbers: 1 to 26, marks, and what Latin-1 has from ß on. Empty if there are too many, or others.
std::vector<float> letters_of(const std::string& word) {
  std::vector<float> letters;
  for (std::size_t i = 0; i < word.size(); ++i) {
    unsigned letter = static_cast<unsigned char>(word[i]);
    if ((letter == 0xC2 || letter == 0xC3) && i + 1 < word.size())
      letter = (letter & 3) << 6 | (static_cast<unsigned char>(word[++i]) & 63);
    if ((letter >= 'A' && letter <= 'Z') || (letter >= 0xC0 && letter < 0xDF)) letter += 32;
    if (letter >= 'a' && letter <= 'z')
      letters.push_back(static_cast<float>(letter - 'a' + 1));
    else if (letter == '\'' || letter == '-')
      letters.push_back(letter == '-' ? 27 : 28);
    else if (letter >= 0xDF && letter <= 0xFF)
      letters.push_back(static_cast<float>(letter - 0xDF + 29));
    else
      return {};
  }
  return letters.size() > kLetters ? std::vector<float>() : letters;
}

struct Words {
  std::vector<float> letters, languages;  ///< 0 behind a word's last letter.

  void add(std::vector<float> word, std::size_t language) {
    word.resize(kLetters);
    letters.insert(letters.end(), word.begin(), word.end());
    languages.push_back(static_cast<float>(language));
  }
};

/// Words, with the places of their letters, which are the same for all: attention sees no order by itself.
DataSet data_of(const Words& words) {
  std::vector<float> places(words.letters.size());
  for (std::size_t i = 0; i < places.size(); ++i) places[i] = static_cast<float>(i % kLetters);
  return DataSet::from(
      {{"letters", DataSet::Array::of(words.letters, {kLetters}, "letters")}, {"places", DataSet::Array::of(places, {kLetters}, "places")}},
      {{"language", DataSet::Array::of(words.languages, {}, "languages")}});
}

Words read_words(const std::string& folder) {
  Words words;
  std::mt19937 random(1);
  for (std::size_t language = 0; language < kLists.size(); ++language) {
    const auto path = folder + "/" + kLists[language];
    std::ifstream file(path);
    std::vector<std::vector<float>> all;
    for (std::string line; std::getline(file, line);)
      if (auto letters = letters_of(line); letters.size() >= 3) all.push_back(std::move(letters));
    if (all.size() < kWords) throw Error("{}: {} words that can be read, fewer than {}", path, all.size(), kWords);
    std::shuffle(all.begin(), all.end(), random);
    for (std::size_t i = 0; i < kWords; ++i) words.add(all[i], language);
  }
  return words;
}

int main(int argc, char** argv) try {
  if (argc < 3) throw Error("it is called with MODEL.json FOLDER [EPOCHS] [WORD...]");
  const auto all = data_of(read_words(argv[2])).shuffled(1);
  const auto test = all.slice(0, all.size() / 10), train = all.slice(all.size() / 10, all.size());
  auto model = Model::load(argv[1], {.seed = 1});
  model.fit(train, {.batch_size = 128,
                    .epochs = argc > 3 ? std::atoi(argv[3]) : 5,
                    .validation_data = test,
                    .on_epoch_end = [](auto epoch, const Logs& logs) {
                      std::cout << fmt::format("epoch {}  loss {:.4f}  accuracy {:.4f}  on words not seen: loss {:.4f}  accuracy {:.4f}\n",
                                               epoch + 1, logs.at("loss"), logs.at("acc"), logs.at("val_loss"), logs.at("val_acc"))
                                << std::flush;
                    }});

  std::vector<std::string> asked(argv + std::min(argc, 4), argv + argc);
  if (asked.empty()) asked = {"backpropagation", "entraînement", "lernrate", "apprendimento", "aprendizaje"};
  for (const auto& word : asked) {
    const auto letters = letters_of(word);
    if (letters.empty()) throw Error("\"{}\" is no word of up to {} letters", word, kLetters);
    Words one;
    one.add(letters, 0);
    const auto shares = model.predict(data_of(one));
    std::string line = fmt::format("{:<16}", word);
    for (std::size_t i = 0; i < shares.size(); ++i) line += fmt::format("  {} {:.0f} %", kNames[i], 100 * shares[i]);
    std::cout << line << "\n";
  }
} catch (const Error& error) {
  std::cerr << "languages: " << error.what() << "\n";
  return 1;
}
