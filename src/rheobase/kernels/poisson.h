// Poisson numbers, the same that rheobase/stimulus/random.py draws through jax.random.
//
// The bits are those of JAX's threefry2x32 (Salmon et al. 2011, SC'11), of which neuron i in step k
// gets the hash of i under the key that is the hash of k under the key of the drive.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "kind.h"

namespace rheobase {

struct Key {
    std::uint32_t first, second;
};

inline __attribute__((always_inline)) Key threefry(Key key, Key x) {
    constexpr int rotations[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
    const std::uint32_t keys[3] = {key.first, key.second, key.first ^ key.second ^ 0x1BD11BDAu};
    x.first += keys[0];
    x.second += keys[1];
    for (std::uint32_t round = 0; round < 5; ++round) {
        for (const int r : rotations[round % 2]) {
            x.first += x.second;
            x.second = (x.second << r) | (x.second >> (32 - r));
            x.second ^= x.first;
        }
        x.first += keys[(round + 1) % 3];
        x.second += keys[(round + 2) % 3] + round + 1;
    }
    return x;
}

// jax.random.uniform from the hash, in [0, 1).
inline __attribute__((always_inline)) void uniform(Key hash, float& u) {
    const std::uint32_t bits = ((hash.first ^ hash.second) >> 9) | 0x3F800000u;
    std::memcpy(&u, &bits, sizeof u);
    u -= 1.0f;
}
inline __attribute__((always_inline)) void uniform(Key hash, double& u) {
    const std::uint64_t whole = (static_cast<std::uint64_t>(hash.first) << 32) | hash.second;
    const std::uint64_t bits = (whole >> 12) | 0x3FF0000000000000u;
    std::memcpy(&u, &bits, sizeof u);
    u -= 1.0;
}

// Spikes in a step, as a drive adds them.
template <typename Real>
struct Poisson {
    Key key;
    const Real* below;   // (most), the probability of at most 0, 1, ... of them
    std::int64_t most;
    const Real* amplitude;  // (1), of one spike
};

// Neurons that are drawn for at a time.
constexpr std::int64_t most_drawn = 1024;

// out[i] += amplitude times the number of spikes of neuron first + i, for `m` of them.
template <typename Real>
inline __attribute__((always_inline)) void draw(const Poisson<Real>& drive, Key key,
                                                std::uint32_t first, std::int64_t m,
                                                Real* __restrict out) {
    Real u[most_drawn], count[most_drawn];
    for (std::int64_t i = 0; i < m; ++i) {
        uniform(threefry(key, {0, first + static_cast<std::uint32_t>(i)}), u[i]);
        count[i] = 0;
    }
    for (std::int64_t k = 0; k < drive.most; ++k) {
        const Real below = drive.below[k];
        if (below >= Real(1)) break;
        for (std::int64_t i = 0; i < m; ++i) count[i] += u[i] >= below ? Real(1) : Real(0);
    }
    const Real amplitude = drive.amplitude[0], largest = Real(1e9);
    for (std::int64_t i = 0; i < m; ++i)
        out[i] += std::min(std::max(count[i] * amplitude, -largest), largest);
}

RHEOBASE_WIDE inline void poisson(const Poisson<float>& drive, Key key, std::uint32_t first,
                                  std::int64_t m, float* out) {
    draw(drive, key, first, m, out);
}
RHEOBASE_WIDE inline void poisson(const Poisson<double>& drive, Key key, std::uint32_t first,
                                  std::int64_t m, double* out) {
    draw(drive, key, first, m, out);
}

// jax.random.fold_in.
inline Key fold_in(Key key, std::uint32_t number) { return threefry(key, {0, number}); }

// The key of a step; see rheobase/time.py.
inline Key key_of(Key key, std::int64_t number) {
    const auto high = static_cast<std::uint32_t>(static_cast<std::uint64_t>(number) >> 32);
    const Key early = fold_in(key, static_cast<std::uint32_t>(number));
    return high == 0 ? early : fold_in(early, high | 0x80000000u);
}

}  // namespace rheobase
