#pragma once
/// Names in model files come as Keras writes them and as tf.js does: `categorical_crossentropy`, `categoricalCrossentropy`.

#include <string>
#include <vector>

namespace gradc {

/// The name in lower case without underscores, so that both spellings and the class name compare equal.
std::string plain_name(const std::string& name);

/// The name without the package that Keras registers it in: "Adam" for "Custom>Adam".
std::string without_package(const std::string& name);
/// The names that a weight's name in a file may stand for, the longest first: Keras may put names of models before "layer/kernel", ":0"
/// after it, and that of the layer's cell into it.
std::vector<std::string> names_of_weight(std::string in_file);

/// "known are A, B", and the one that is nearest to a misspelled or shortened name: ". Did you mean A?".
std::string known_are(const std::vector<std::string>& known, const std::string& name = {});

bool is_utf8(const std::string& text);

/// `camelCase` for `snake_case`.
std::string camel_case(const std::string& snake);

}  // namespace gradc
