# Tests that need the same kernels wait for those that compile them: beside them, each would compile them for itself. CTest reads this once
# the tests of GoogleTest are known, with gradc_tests_TESTS as their names.
foreach(test IN LISTS gradc_tests_TESTS)
  if(test MATCHES "JitOp.*/(Images|Features)AsLanes(Unfused)?( |$)")
    list(APPEND compile_first ${test})
  endif()
endforeach()
foreach(test JitMemory.ResultsDoNotDependOnWhatMemoryHeldBefore JitMemory.NothingOutsideOfArraysIsTouched
        JitNan.WhatIsNaNInTheReferenceIsNaNInEveryKernel)
  set_tests_properties(${test} PROPERTIES DEPENDS "${compile_first}")
endforeach()
