#pragma once
/// The text form of a step. docs/ir.md describes it; printing, parsing and printing again gives the same text.

#include <string>
#include <string_view>

#include "step/plan.h"

namespace gradc {

std::string print(const StepPlan& plan);

/// Reads what `print` writes. Throws gradc::Error with `file`, line, column, the line itself and a caret under the place. The step is
/// verified too.
StepPlan parse_step(std::string_view text, const std::string& file = "<text>");

/// Throws InternalError for a step that would read what nothing has written, or is being written; for arrays that share memory while both
/// are needed; and for calls that do not fit their kernels.
void verify(const StepPlan& plan);

}  // namespace gradc
