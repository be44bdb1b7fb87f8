#pragma once
/// Runs a case with the jit and with the reference, and compares.
///
/// The reference runs the ops as the model was lowered, differentiated and updated, in double and before any other pass, so that passes and
/// kernels are both tested. It also runs in single precision on inputs and weights that are moved by some millionths, with every sum moved
/// by its terms' rounding: how far that moves an output tells how far rounding may.
///
/// Where relu or a pooling decides between nearly equal numbers the jit may decide otherwise. A tolerance is not widened for that: if data
/// have such near ties, others are drawn.

#include <string>

#include "fuzz/case.h"

namespace gradc::fuzz {

struct Verdict {
  enum class Kind {
    agrees,
    undecided,  ///< Every draw of data had near ties, or numbers that are not finite.
    differs,    ///< Values beyond what rounding explains, or other bits for another number of threads.
    refused,    ///< gradc::Error: the model or graph is said to be invalid.
    failed,     ///< Any other exception.
    crashed,    ///< A signal ended the process.
    hung        ///< The time was up.
  } kind = Kind::agrees;
  std::string text;  ///< What differs, and by how much; or the error.

  bool is_find() const { return kind != Kind::agrees && kind != Kind::undecided; }
};

const char* name_of(Verdict::Kind kind);

Verdict compare(const Case& a_case);

}  // namespace gradc::fuzz
