#pragma once
/// Attributes of an op: named constants, kept and printed in the order of their names.

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace gradc {

using Ints = std::vector<std::int64_t>;
using Pairs = std::vector<std::array<std::int64_t, 2>>;
using Attribute = std::variant<std::int64_t, double, std::string, Ints, Pairs>;

class Attributes {
 public:
  Attributes() = default;
  Attributes(std::initializer_list<std::pair<const std::string, Attribute>> entries) : entries_(entries) {}

  bool operator==(const Attributes&) const = default;

  bool has(const std::string& name) const { return entries_.contains(name); }
  void set(const std::string& name, Attribute value) { entries_[name] = std::move(value); }

  // Each throws std::bad_variant_access or std::out_of_range when the verifier would have refused the op.
  std::int64_t integer(const std::string& name) const { return std::get<std::int64_t>(entries_.at(name)); }
  std::int64_t integer_or(const std::string& name, std::int64_t otherwise) const { return has(name) ? integer(name) : otherwise; }
  double number(const std::string& name) const { return std::get<double>(entries_.at(name)); }
  const std::string& text(const std::string& name) const { return std::get<std::string>(entries_.at(name)); }
  const Ints& ints(const std::string& name) const { return std::get<Ints>(entries_.at(name)); }
  const Pairs& pairs(const std::string& name) const { return std::get<Pairs>(entries_.at(name)); }

  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  bool empty() const { return entries_.empty(); }

 private:
  std::map<std::string, Attribute> entries_;
};

/// The attribute as the text form writes it.
std::string to_string(const Attribute& attribute);

}  // namespace gradc
