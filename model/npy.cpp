#include "model/npy.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <type_traits>

#include "gradc/error.h"
#include "support/files.h"

namespace gradc {
namespace {

struct Header {
  std::string descr;  ///< As NumPy writes a type: "<f4".
  bool fortran = false;
  std::vector<std::int64_t> dims;
  std::string shape;  ///< The same as text.
  std::size_t end = 0;
};

/// The value of a key of the header, which is the text of a Python dict.
std::string field(const std::string& header, const std::string& key, const std::string& name) {
  auto at = header.find("'" + key + "'");
  if (at == std::string::npos) throw Error("{}: is not a .npy file: its header has no {}", name, key);
  at = header.find(':', at);
  auto begin = at == std::string::npos ? at : header.find_first_not_of(' ', at + 1);
  if (begin == std::string::npos) throw Error("{}: is not a .npy file: its header is broken at {}", name, key);
  if (header[begin] == '(') return header.substr(begin + 1, header.find(')', begin) - begin - 1);
  return header.substr(begin, header.find_first_of(",}", begin) - begin);
}

std::vector<std::int64_t> parse_dims(const std::string& shape, const std::string& name) {
  std::vector<std::int64_t> dims;
  for (auto at = shape.find_first_not_of(", "); at != std::string::npos; at = shape.find_first_not_of(", ", at)) {
    char* end = nullptr;
    dims.push_back(std::strtoll(shape.c_str() + at, &end, 10));
    if (end == shape.c_str() + at) throw Error("{}: is not a .npy file: its header is broken at shape", name);
    at = static_cast<std::size_t>(end - shape.c_str());
    if (at < shape.size() && shape[at] == 'L') ++at;  // as Python 2 writes whole numbers
  }
  if (dims.empty() || *std::min_element(dims.begin(), dims.end()) < 0)
    throw Error("{}: has shape ({}), expected at least one dimension, the images", name, shape);
  return dims;
}

Header parse_header(const std::string& bytes, const std::string& name) {
  if (bytes.size() < 10 || std::memcmp(bytes.data(), "\x93NUMPY", 6) != 0) throw Error("{}: is not a .npy file", name);
  const int version = bytes[6];
  const std::size_t start = version == 1 ? 10 : 12;
  if (bytes.size() < start) throw Error("{}: is cut off within its header", name);
  std::size_t length = 0;
  for (auto i = start; i-- > 8;) length = length << 8 | static_cast<unsigned char>(bytes[i]);
  if (bytes.size() - start < length) throw Error("{}: is cut off within its header", name);
  auto text = bytes.substr(start, length);
  Header header{.descr = field(text, "descr", name), .shape = field(text, "shape", name), .end = start + length};
  std::erase_if(header.descr, [](char c) { return c == '\'' || c == '"' || c == ' '; });
  header.fortran = field(text, "fortran_order", name) == "True";
  header.dims = parse_dims(header.shape, name);
  return header;
}

/// What kind of values a type is that are no real numbers, and what to save instead.
std::string refusal(const std::string& descr) {
  auto kind = descr.size() > 1 ? descr[1] : '?';
  if (descr.starts_with('[') || kind == 'V') return "records; save each field that is a number as an array of its own";
  if (kind == 'O')
    return "Python objects instead of numbers; save it with array.astype('float32'), for which all rows need the same length";
  if (kind == 'c')
    return fmt::format("complex numbers (complex{}); save array.real, or real and imaginary parts as two channels",
                       8 * std::atoi(descr.c_str() + 2));
  if (kind == 'U' || kind == 'S') return "text; save numbers instead, for classes numpy.unique(array, return_inverse=True)[1]";
  if (kind == 'M' || kind == 'm') return "times; save it with array.astype('float32')";
  return fmt::format("numbers of type {}; save it with array.astype('float32')", descr);
}

/// IEEE 754's binary16.
struct Half {
  std::uint16_t bits;
  explicit operator float() const {
    const std::uint32_t sign = (bits & 0x8000u) << 16, exponent = bits >> 10 & 0x1f, fraction = bits & 0x3ff;
    if (exponent == 0) return std::copysign(std::ldexp(static_cast<float>(fraction), -24), sign != 0 ? -1.0f : 1.0f);
    auto wide = exponent == 31 ? 255u : exponent + 112;
    return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
  }
};

template <class From>
struct As {
  using type = From;
};

/// Calls `use` with the C++ type of a type of NumPy. Returns its name, or nullptr if it is none of real numbers.
const char* with_type(const std::string& type, auto use) {
  if (type == "b1" || type == "?") return use(As<bool>()), "bool";
  if (type == "u1") return use(As<std::uint8_t>()), "uint8";
  if (type == "i1") return use(As<std::int8_t>()), "int8";
  if (type == "u2") return use(As<std::uint16_t>()), "uint16";
  if (type == "i2") return use(As<std::int16_t>()), "int16";
  if (type == "u4") return use(As<std::uint32_t>()), "uint32";
  if (type == "i4") return use(As<std::int32_t>()), "int32";
  if (type == "u8") return use(As<std::uint64_t>()), "uint64";
  if (type == "i8") return use(As<std::int64_t>()), "int64";
  if (type == "f2") return use(As<Half>()), "float16";
  if (type == "f4") return use(As<float>()), "float32";
  if (type == "f8") return use(As<double>()), "float64";
  return nullptr;
}

/// Where each element of an array in Fortran order, taken in C order, lies in it.
class FortranOrder {
 public:
  explicit FortranOrder(const std::vector<std::int64_t>& dims) : dims_(dims), index_(dims.size()) {
    std::size_t stride = 1;
    for (auto dim : dims) strides_.push_back(std::exchange(stride, stride * static_cast<std::size_t>(dim)));
  }
  std::size_t next() {
    auto here = at_;
    for (auto d = dims_.size(); d-- > 0;) {
      at_ += strides_[d];
      if (++index_[d] < dims_[d]) break;
      at_ -= strides_[d] * static_cast<std::size_t>(dims_[d]);
      index_[d] = 0;
    }
    return here;
  }

 private:
  std::vector<std::int64_t> dims_, index_;
  std::vector<std::size_t> strides_;
  std::size_t at_ = 0;
};

/// Elements of type From, in any order of bytes and dimensions, as type To in C order. `fail(i, value)` is called for a number that does
/// not fit.
template <class From, class To>
Bytes converted(const char* data, std::size_t count, const Header& header, auto fail) {
  const bool swap = header.descr[0] == '>';
  if (std::is_same_v<From, To> && !header.fortran && !swap) return Bytes(data, data + count * sizeof(To));
  Bytes bytes(count * sizeof(To));
  FortranOrder order(header.dims);
  for (std::size_t i = 0; i < count; ++i) {
    char raw[sizeof(From)];
    std::memcpy(raw, data + (header.fortran ? order.next() : i) * sizeof raw, sizeof raw);
    if (swap) std::reverse(raw, raw + sizeof raw);
    To to;
    if constexpr (std::is_same_v<From, bool>) {
      to = static_cast<To>(raw[0] != 0);
    } else {
      From from;
      std::memcpy(&from, raw, sizeof raw);
      to = static_cast<To>(from);
      if constexpr (std::is_integral_v<To>) {
        if (!std::in_range<To>(from)) fail(i, fmt::format("{}", from));
      } else if constexpr (std::is_same_v<From, double>) {
        if (std::isinf(to) && !std::isinf(from)) fail(i, fmt::format("{}", from));
      }
    }
    std::memcpy(bytes.data() + i * sizeof to, &to, sizeof to);
  }
  return bytes;
}

}  // namespace

DataSet::Array parse_npy(const std::string& file, const std::string& name, ArrayUse use, const Warn& warn) {
  auto header = parse_header(file, name);
  DataSet::Array array{.shape = {header.dims.begin() + 1, header.dims.end()}, .count = header.dims[0], .name = name};
  const auto type = header.descr.starts_with('[') || header.descr.empty() ? "" : header.descr.substr(1);
  std::string become;  // if numbers change
  const auto* kind = with_type(type, [&]<class From>(As<From>) {
    double total = 1;
    for (auto dim : header.dims) total *= static_cast<double>(dim);
    if (total * sizeof(From) != static_cast<double>(file.size() - header.end))
      throw Error("{}: its header says ({}), {:.0f} bytes, but {} follow", name, header.shape, total * sizeof(From),
                  file.size() - header.end);
    const auto count = static_cast<std::size_t>(total);
    auto convert = [&]<class To>(As<To>) {
      array.bytes = converted<From, To>(file.data() + header.end, count, header, [&](std::size_t i, const std::string& value) {
        const auto row = count / static_cast<std::size_t>(array.count);
        throw Error("{}: row {}: number {} is {}, which does not fit {}", name, i / row, i % row, value,
                    std::is_integral_v<To> ? "int32" : "float32");
      });
    };
    if constexpr (std::is_same_v<From, std::uint8_t>) {
      array.dtype = DType::u8;
      convert(As<std::uint8_t>());
    } else if (std::is_integral_v<From> && use == ArrayUse::labels) {
      array.dtype = DType::i32;
      if constexpr (std::is_integral_v<From>) convert(As<std::int32_t>());
    } else {
      array.dtype = DType::f32;
      if (!std::is_same_v<From, float>) become = std::is_same_v<From, double> ? "rounded to float32" : "read as float32";
      convert(As<float>());
    }
  });
  if (kind == nullptr) throw Error("{}: holds {}", name, refusal(header.descr));
  if (header.fortran) become += fmt::format("{}put into C order", become.empty() ? "" : " and ");
  if (!become.empty() && warn)
    warn(fmt::format("{}: its {} are {}{}", name, kind, become,
                     use == ArrayUse::images && std::string_view(kind).find("int") != std::string_view::npos && array.dtype == DType::f32
                         ? "; numbers of tokens stay what they are, and of pixels only uint8 is divided by 255"
                         : ""));
  return array;
}

DataSet::Array read_npy(const std::filesystem::path& path, ArrayUse use, const Warn& warn) {
  return parse_npy(read_file(path), path.string(), use, warn);
}

}  // namespace gradc
