#pragma once
/// gradc for C++ programs: define or read a model, train it, evaluate it, save it.

#include "frontend/initializers.h"
#include "frontend/layers.h"
#include "frontend/model_json.h"
#include "frontend/optimizers.h"
#include "model/dataset.h"
#include "model/model.h"
#include "support/error.h"
