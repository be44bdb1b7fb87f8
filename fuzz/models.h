#pragma once
/// Random models, as model.json documents.

#include <nlohmann/json_fwd.hpp>

#include "fuzz/choices.h"

namespace gradc::fuzz {

/// A valid model of one to some ten layers with its training configuration: every layer that gradc knows with every option, branches,
/// losses and optimizers; small maps, single rows, columns and channels, and channels around the widths of vectors are common.
nlohmann::json random_model(Choices& choices);

}  // namespace gradc::fuzz
