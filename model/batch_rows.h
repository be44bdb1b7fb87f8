#pragma once
/// From a data set to the rows that a step reads, once shapes and values are known to fit the model.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "frontend/lower.h"
#include "gradc/dataset.h"
#include "ir/graph.h"
#include "runtime/step.h"

namespace gradc {

/// The arrays for a model's inputs or outputs of these names, which are "inputs" or "outputs": by their own names, or where they have none
/// in their order. Throws gradc::Error if they are not those.
std::vector<const DataSet::Part*> parts_for(const std::vector<DataSet::Part>& parts, const std::vector<std::string>& names,
                                            const char* what);

/// Images for an input that takes `shape`. Bytes are scaled from 0 to 255 to 0 to 1. Throws gradc::Error if the shape is another one:
/// dimensions of 1 may be missing or added, and rows may be flat.
Rows image_rows(const DataSet::Array& images, const std::vector<std::int64_t>& shape);

/// Throws gradc::Error that names file, row and number unless all numbers of `part` among those of `data` are rows of the table.
void expect_rows(const DataSet& data, const DataSet::Part& part, const NumberedTable& table);

/// Labels among those of `data` for an output whose loss takes `labels`. Class numbers become one-hot rows where the loss takes those.
/// Throws gradc::Error if shape or values do not fit.
Rows label_rows(const DataSet& data, const DataSet::Part& part, const Type& output, const Type& labels, const Loss& of_output);

/// The weights of samples for each of a model's outputs of these names, or nullptr where there are none; nothing for data without
/// any. An array without a name is the only output's. Throws gradc::Error for one of no output.
std::vector<const DataSet::Part*> weights_for(const std::vector<DataSet::Part>& weights, const std::vector<std::string>& outputs);

/// Weights as they are.
Rows weight_rows(const DataSet::Part& part);

/// Throws gradc::Error that names file, row and number unless all images, labels and weights of `data` are finite.
void expect_finite(const DataSet& data);

}  // namespace gradc
