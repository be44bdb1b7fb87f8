#pragma once
/// Names in model files come as Keras writes them and as tf.js does: `categorical_crossentropy`, `categoricalCrossentropy`.

#include <string>

namespace gradc {

/// The name in lower case without underscores, so that both spellings and the class name compare equal.
std::string plain_name(const std::string& name);

/// The name without the package that Keras registers it in: "Adam" for "Custom>Adam".
std::string without_package(const std::string& name);

/// `camelCase` for `snake_case`.
std::string camel_case(const std::string& snake);

}  // namespace gradc
