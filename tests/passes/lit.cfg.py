# FileCheck tests of passes: each .ir file is a graph, the passes that run on it, and what must come out.
import os
import lit.formats

config.name = "passes"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".ir"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(os.environ["GRADC_BUILD"], "tests", "passes")
gradc = os.path.join(os.environ["GRADC_BUILD"], "bin", "gradc")
config.substitutions.append(("%opt", gradc + " opt"))
config.substitutions.append(("%gradc", gradc))
config.environment["PATH"] = "/usr/lib/llvm-19/bin:" + os.environ["PATH"]
