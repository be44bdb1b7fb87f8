#pragma once
/// Counter-based random numbers: each is a hash of its coordinates, so no state is carried and any tile or thread may make it.
/// The mixing function is MurmurHash3's 32-bit finalizer (Austin Appleby, public domain).

#include <cstdint>

namespace gradc {

/// `U` is an unsigned 32-bit integer type: std::uint32_t, or an expression of a kernel.
template <class U>
U mix_bits(U h) {
  h = h ^ (h >> U(16));
  h = h * U(0x85ebca6bu);
  h = h ^ (h >> U(13));
  h = h * U(0xc2b2ae35u);
  return h ^ (h >> U(16));
}

/// 32 random bits for one element of one image; `key` stands for seed and step, `stream` for the layer.
template <class U>
U random_bits(U key, U image, U stream, U element) {
  U h = mix_bits<U>(key + U(0x9e3779b9u) * (stream + U(1)));
  h = mix_bits<U>(h ^ (image * U(0x85297a4du) + U(0x68e31da4u)));
  return mix_bits<U>(h ^ (element * U(0xb5297a4du) + U(0x1b56c4e9u)));
}

/// The key of one step of one run.
inline std::uint32_t step_key(std::uint64_t seed, std::uint64_t step) {
  auto h = mix_bits<std::uint32_t>(static_cast<std::uint32_t>(seed) ^ 0x9e3779b9u);
  h = mix_bits<std::uint32_t>(h ^ static_cast<std::uint32_t>(seed >> 32));
  h = mix_bits<std::uint32_t>(h + static_cast<std::uint32_t>(step));
  return mix_bits<std::uint32_t>(h ^ static_cast<std::uint32_t>(step >> 32));
}

}  // namespace gradc
