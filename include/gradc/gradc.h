#pragma once
/// gradc for C++ programs: define or read a model, train it, evaluate it, save it.

#include "gradc/dataset.h"
#include "gradc/error.h"
#include "gradc/initializers.h"
#include "gradc/layers.h"
#include "gradc/model.h"
#include "gradc/optimizers.h"
