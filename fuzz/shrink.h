#pragma once
/// Makes a failing case smaller.

#include <functional>

#include "fuzz/judge.h"

namespace gradc::fuzz {

struct Shrunk {
  Case smallest;
  Verdict verdict;
  int tests = 0;  ///< Cases that were tried.
};

/// Makes the choices of a failing case fewer and smaller as long as it fails in the same way: layers and ops are left out, sizes become
/// smaller, options simpler, the configuration plainer. Then takes ops out of a graph by delta debugging. Ends after so many seconds at the
/// latest.
Shrunk shrink(Case::Kind kind, const Choices& failing, const Verdict& verdict, Judge& judge, double seconds);

}  // namespace gradc::fuzz
