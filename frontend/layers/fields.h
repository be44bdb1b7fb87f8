#pragma once
/// What reads and writes the options of a layer. Each layer's header describes its structure once:
///
///     template <class Fields>
///     void describe(Fields& f, Dense& layer) {
///       f.integer("units", layer.units, 1);
///       f.weight("kernel", layer.kernel_initializer, layer.kernel_regularizer, layer.kernel_constraint);
///       ...
///     }
///
/// Names are Keras's; a file may have them as tf.js spells them. Defaults are those of the structure.

#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "frontend/config_reader.h"
#include "frontend/constraints.h"
#include "frontend/initializers.h"
#include "gradc/layers.h"

namespace gradc {

/// Fills a structure from a config. What is wrong is recorded as problems of the reader.
class FieldReader {
 public:
  explicit FieldReader(ConfigReader& config) : config_(config) {}

  /// A whole number of at least `least`; required where the default is less.
  void integer(const char* key, std::int64_t& field, std::int64_t least, Written = Written::always);
  void number(const char* key, double& field, Written = Written::always);
  void number(const char* key, std::optional<double>& field, Written = Written::always);
  /// Which Keras 3 writes under a new name.
  void renamed_number(const char* key, const char* new_key, double& field) {
    number(key, field);
    number(new_key, field);
  }
  void boolean(const char* key, bool& field, Written = Written::always);
  void activation(const char* key, std::string& field);
  /// Of an LSTM's or GRU's gates. Where a file does not say, it is its library's own.
  void recurrent_activation(std::string& field);
  /// Whether a GRU resets its state behind the recurrent product; likewise.
  void reset_after(bool& field);
  /// May be absent: the field is then as it was.
  void text(const char* key, std::string& field) { field = config_.text(key, field); }
  /// One of these names, in any spelling; the field gets it as it stands here. "null" is no name, but null.
  void choice(const char* key, std::string& field, std::initializer_list<const char*> choices, Written = Written::always);
  /// A number, or an array of them.
  void array(const char* key, NumberArray& field);
  /// One of these names, or an array in its place.
  void choice_or_array(const char* key, std::string& field, NumberArray& numbers, std::initializer_list<const char*> choices) {
    if (config_.find(key).is_array())
      array(key, numbers);
    else
      choice(key, field, choices);
  }
  /// An option that changes nothing here.
  void unused(const char* key) { config_.find(key); }
  /// One number for all spatial dimensions, or one for each; required where the default is empty.
  void extents(const char* key, Dims& field, int spatial);
  /// May be absent: the field is then empty.
  void optional_extents(const char* key, Dims& field, int spatial, std::int64_t least = 1, Written = Written::always);
  /// Whole numbers of at least `least`.
  void numbers(const char* key, Dims& field, std::int64_t least);
  /// Dimensions, of which one may be -1, or null: what remains.
  void shape(const char* key, Dims& field);
  /// A number, or dimensions of which any may be -1, or null: the input's.
  void partial_shape(const char* key, Dims& field);
  /// One number for all sides of images, one for each spatial dimension, or a pair [before, after] for each, which of a single one may
  /// stand alone; the field gets the pairs one after the other.
  void sides(const char* key, Dims& field, int spatial);
  /// A dimension, counted with the batch, or from the end.
  void axis(const char* key, std::int64_t& field);
  /// One or several of them, or none, where that may be.
  void axes(const char* key, Dims& field, Axes = Axes::some);
  void initializer(const std::string& key, Initializer& field);
  /// How a weight starts, what it adds to the loss and what it is made to fulfil: `<name>_initializer`, `<name>_regularizer` and
  /// `<name>_constraint`.
  void weight(const std::string& name, Initializer& initializer, Regularizer& regularizer, Constraint& constraint);
  /// Such a weight whose initializer, where a file names none, is its library's own for kernels.
  void kernel(const std::string& name, Initializer& initializer, Regularizer& regularizer, Constraint& constraint);
  /// Options of a weight that the layer does not have, which Keras 2 writes all the same.
  void unused_weight(const std::string& name);
  /// An option of which only this value, or null, is known; else the remedy is told.
  void only(const char* key, const char* remedy) { config_.only(key, nullptr, remedy); }
  /// A flag that has to be false.
  void unset(const char* key, const char* remedy) { config_.only(key, false, remedy); }
  /// An option that is an object with options of its own.
  template <class Part>
  void object(const char* key, std::optional<Part>& field, Written = Written::always) {
    const auto& value = config_.find(key);
    if (value.is_null()) return;
    if (!value.is_object()) return config_.problem(fmt::format("\"{}\" is {}, expected an object", key, value.dump()));
    ConfigReader part(value, config_.dialect(), config_.problems());
    FieldReader reader(part);
    describe(reader, field.emplace());
    part.report_unread();
  }
  /// Another layer, or a cell, by its class_name and config.
  void layer(const char* key, std::optional<Layer>& field);
  void cell(const char* key, std::optional<Cell>& field);
  void cells(const char* key, std::vector<Cell>& field);
  /// What the topology and every layer's lowering read by themselves.
  void input_shape(Dims&, std::int64_t = 0) {}
  void name(std::string&) {}
  void activity_regularizer(Regularizer&) {}
  void data_format() {}

 private:
  /// The class_name and config, with a name, of an object; or nothing, with a problem.
  std::optional<std::pair<std::string, nlohmann::json>> part(const char* key, const nlohmann::json& value);

  ConfigReader& config_;
};

/// Makes a config of a structure. Use `config_of`.
class FieldWriter {
 public:
  void integer(const char* key, std::int64_t& field, std::int64_t, Written when = Written::always) { set(key, field, when); }
  void number(const char* key, double& field, Written when = Written::always) { set(key, field, when); }
  void number(const char* key, std::optional<double>& field, Written when = Written::always) {
    set(key, field ? nlohmann::json(*field) : nlohmann::json(), when);
  }
  void renamed_number(const char* key, const char*, double& field) { set(key, field); }
  void boolean(const char* key, bool& field, Written when = Written::always) { set(key, field, when); }
  void activation(const char* key, std::string& field) { set(key, field); }
  void recurrent_activation(std::string& field) { activation("recurrent_activation", field); }
  void reset_after(bool& field) { boolean("reset_after", field); }
  void text(const char* key, std::string& field) { set(key, field.empty() ? nlohmann::json() : nlohmann::json(field)); }
  void choice(const char* key, std::string& field, std::initializer_list<const char*>, Written when = Written::always) {
    set(key, field == "null" ? nlohmann::json() : nlohmann::json(field), when);
  }
  void array(const char* key, NumberArray& field);
  void choice_or_array(const char* key, std::string& field, NumberArray& numbers, std::initializer_list<const char*> choices) {
    if (numbers.empty())
      choice(key, field, choices);
    else
      array(key, numbers);
  }
  void unused(const char*) {}
  void extents(const char* key, Dims& field, int) { set(key, field); }
  void optional_extents(const char* key, Dims& field, int, std::int64_t = 1, Written when = Written::always) {
    set(key, field.empty() ? nlohmann::json() : nlohmann::json(field), when);
  }
  void numbers(const char* key, Dims& field, std::int64_t) { set(key, field.empty() ? nlohmann::json() : nlohmann::json(field)); }
  void shape(const char* key, Dims& field) { set(key, field); }
  void partial_shape(const char* key, Dims& field);
  void sides(const char* key, Dims& field, int spatial);
  void axis(const char* key, std::int64_t& field) { set(key, field); }
  void axes(const char* key, Dims& field, Axes = Axes::some) {
    set(key, field.size() == 1 ? nlohmann::json(field[0]) : nlohmann::json(field));
  }
  void initializer(const char* key, Initializer& field) { set(key, json_of(field)); }
  void weight(const std::string& name, Initializer& initializer, Regularizer& regularizer, Constraint& constraint) {
    set(name + "_initializer", json_of(initializer));
    set(name + "_regularizer", to_json(regularizer), Written::unless_default);
    set(name + "_constraint", to_json(constraint), Written::unless_default);
  }
  void kernel(const std::string& name, Initializer& initializer, Regularizer& regularizer, Constraint& constraint) {
    weight(name, initializer, regularizer, constraint);
  }
  void unused_weight(const std::string&) {}
  void only(const char*, const char*) {}
  void unset(const char*, const char*) {}
  template <class Part>
  void object(const char* key, std::optional<Part>& field, Written when = Written::always) {
    FieldWriter part;
    if (field) describe(part, *field);
    set(key, field ? part.config_ : nlohmann::json(), when);
  }
  void layer(const char* key, std::optional<Layer>& field);
  void cell(const char* key, std::optional<Cell>& field);
  void cells(const char* key, std::vector<Cell>& field);
  void input_shape(Dims& field, std::int64_t batch_size = 0);
  void name(std::string& field) {
    if (!field.empty()) set("name", field);
  }
  void activity_regularizer(Regularizer& regularizer) { set("activity_regularizer", to_json(regularizer), Written::unless_default); }
  void data_format() { set("data_format", "channels_last"); }

  /// What was written, without that of `defaults` which is not written then.
  nlohmann::json config_besides(const FieldWriter& defaults) const;

 private:
  void set(const std::string& key, nlohmann::json value, Written when = Written::always) {
    config_[key] = std::move(value);
    if (when == Written::unless_default) sparing_.insert(key);
  }

  nlohmann::json config_ = nlohmann::json::object();
  std::set<std::string> sparing_;
};

template <class L>
nlohmann::json config_of(L layer) {
  FieldWriter written, defaults;
  L plain;
  describe(written, layer);
  describe(defaults, plain);
  return written.config_besides(defaults);
}

/// Lists a layer's options with their defaults, for documentation.
class FieldLister {
 public:
  struct Field {
    std::string name, kind, fallback;
  };
  std::vector<Field> fields;

  void integer(const char* key, std::int64_t& field, std::int64_t least, Written = Written::always) {
    add(key, fmt::format("whole number from {}", least), field < least ? "required" : std::to_string(field));
  }
  void number(const char* key, double& field, Written = Written::always) { add(key, "number", fmt::format("{}", field)); }
  void number(const char* key, std::optional<double>& field, Written = Written::always) {
    add(key, "number", field ? fmt::format("{}", *field) : "none");
  }
  void renamed_number(const char* key, const char* new_key, double& field) {
    add(fmt::format("{} or {}", key, new_key), "number", fmt::format("{}", field));
  }
  void boolean(const char* key, bool& field, Written = Written::always) { add(key, "true, false", field ? "true" : "false"); }
  void activation(const char* key, std::string& field) { add(key, "activation", field); }
  void recurrent_activation(std::string& field) { activation("recurrent_activation", field); }
  void reset_after(bool& field) { boolean("reset_after", field); }
  void text(const char* key, std::string& field) { add(key, "text", field.empty() ? "none" : field); }
  void array(const char* key, NumberArray& field) { add(key, "number or numbers", field.empty() ? "none" : text_of(field)); }
  void unused(const char*) {}
  void choice(const char* key, std::string& field, std::initializer_list<const char*> choices, Written = Written::always) {
    std::string all;
    for (const char* each : choices) all += (all.empty() ? "" : ", ") + std::string(each);
    add(key, all, field);
  }
  void choice_or_array(const char* key, std::string& field, NumberArray&, std::initializer_list<const char*> choices) {
    choice(key, field, choices);
    fields.back().kind += ", numbers";
  }
  void extents(const char* key, Dims& field, int spatial) { add(key, dimensions(spatial), field.empty() ? "required" : text_of(field)); }
  void optional_extents(const char* key, Dims&, int spatial, std::int64_t = 1, Written = Written::always) {
    add(key, dimensions(spatial), "none");
  }
  void numbers(const char* key, Dims& field, std::int64_t) { add(key, "whole numbers", field.empty() ? "none" : text_of(field)); }
  void shape(const char* key, Dims&) { add(key, "dimensions", "required"); }
  void partial_shape(const char* key, Dims&) { add(key, "dimensions", "required"); }
  void sides(const char* key, Dims& field, int spatial) { add(key, std::string(dimensions(spatial)) + " or all sides", text_of(field)); }
  void axis(const char* key, std::int64_t& field) { add(key, "dimension", std::to_string(field)); }
  void axes(const char* key, Dims& field, Axes = Axes::some) { add(key, "dimensions", text_of(field)); }
  void initializer(const char* key, Initializer& field) { add(key, "initializer", text_of(field)); }
  void weight(const std::string& name, Initializer& initializer, Regularizer&, Constraint&) {
    add(name + "_initializer", "initializer", text_of(initializer));
    add(name + "_regularizer", "regularizer", "none");
    add(name + "_constraint", "constraint", "none");
  }
  void kernel(const std::string& name, Initializer& initializer, Regularizer& regularizer, Constraint& constraint) {
    weight(name, initializer, regularizer, constraint);
  }
  void unused_weight(const std::string&) {}
  void only(const char*, const char*) {}
  void unset(const char*, const char*) {}
  template <class Part>
  void object(const char* key, std::optional<Part>&, Written = Written::always) {
    FieldLister part;
    Part plain;
    describe(part, plain);
    std::string names;
    for (const auto& field : part.fields) names += (names.empty() ? "" : ", ") + field.name;
    add(key, "object of " + names, "none");
  }
  void layer(const char* key, std::optional<Layer>&) { add(key, "layer", "none"); }
  void cell(const char* key, std::optional<Cell>&) { add(key, "cell", "required"); }
  void cells(const char* key, std::vector<Cell>&) { add(key, "cells", "required"); }
  void input_shape(Dims&, std::int64_t = 0) {}
  void name(std::string&) {}
  void activity_regularizer(Regularizer&) { add("activity_regularizer", "regularizer", "none"); }
  void data_format() { add("data_format", "channels_last, channels_first", "channels_last"); }

 private:
  void add(const std::string& name, const std::string& kind, const std::string& fallback) { fields.push_back({name, kind, fallback}); }
  static const char* dimensions(int spatial);
  static std::string text_of(const Dims& dims);
  static std::string text_of(const NumberArray& numbers);
  static std::string text_of(const Initializer& initializer);
};

template <class L>
std::vector<FieldLister::Field> fields_of() {
  L layer;
  FieldLister lister;
  describe(lister, layer);
  return lister.fields;
}

}  // namespace gradc
