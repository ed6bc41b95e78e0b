// Poisson numbers, the same that rheobase/stimulus/random.py draws through jax.random.
//
// The bits are those of JAX's threefry2x32 (Salmon et al. 2011, SC'11), of which neuron i in step k
// gets the hash of i under the key that is the hash of k under the key of the drive.
#pragma once

#include <algorithm>
#include <cstdint>

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

// jax.random.bits of element i, 32 of them.
inline __attribute__((always_inline)) std::uint32_t bits(Key key, std::uint32_t i) {
    const Key hash = threefry(key, {0, i});
    return hash.first ^ hash.second;
}

// jax.random.fold_in.
inline Key fold_in(Key key, std::uint32_t number) { return threefry(key, {0, number}); }

// Below it a first word is followed by a second one; see rheobase/stimulus/poisson.py.
constexpr std::uint32_t extreme = 1u << 12, further = 0xFFFFFFFEu;

// Spikes in a step, as a drive adds them.
template <typename Real>
struct Poisson {
    Key key;
    const Real* amplitude;  // (1), of one spike
    // P(more than 0, 1, ... of them) in units of 2^-32, rounded, and in units of 2^-64 by words.
    const std::uint32_t *coarse, *high, *low;
    std::int64_t coarse_rows, rows;
};

// Neurons that are drawn for at a time.
constexpr std::int64_t most_drawn = 1024;

// The counts of those few of m neurons whose first word does not tell.
template <typename Real>
void draw_further(const Poisson<Real>& drive, Key key, std::uint32_t first, std::int64_t m,
                  const std::uint32_t* word, std::int32_t* count) {
    const Key second = fold_in(key, further);
    for (std::int64_t i = 0; i < m; ++i) {
        if (word[i] >= extreme) continue;
        const std::uint32_t more = bits(second, first + static_cast<std::uint32_t>(i));
        count[i] = 0;
        for (std::int64_t k = 0; k < drive.rows; ++k)
            count[i] += word[i] < drive.high[k] || (word[i] == drive.high[k] && more < drive.low[k]);
    }
}

// out[i] += amplitude times the number of spikes of neuron first + i, for `m` of them.
template <typename Real>
inline __attribute__((always_inline)) void draw(const Poisson<Real>& drive, Key key,
                                                std::uint32_t first, std::int64_t m,
                                                Real* __restrict out) {
    std::uint32_t word[most_drawn], least = extreme;
    std::int32_t count[most_drawn];
    for (std::int64_t i = 0; i < m; ++i) {
        word[i] = bits(key, first + static_cast<std::uint32_t>(i));
        count[i] = 0;
    }
    // A loop of its own: within the one before it keeps the hash from becoming vectors.
    for (std::int64_t i = 0; i < m; ++i) least = std::min(least, word[i]);
    for (std::int64_t k = 0; k < drive.coarse_rows; ++k) {
        const std::uint32_t below = drive.coarse[k];
        if (below <= extreme) break;  // words below that are looked at once more
        for (std::int64_t i = 0; i < m; ++i) count[i] += word[i] < below;
    }
    if (least < extreme) draw_further(drive, key, first, m, word, count);
    const Real amplitude = drive.amplitude[0], largest = Real(1e9);
    for (std::int64_t i = 0; i < m; ++i)
        out[i] += std::min(std::max(static_cast<Real>(count[i]) * amplitude, -largest), largest);
}

RHEOBASE_WIDE inline void poisson(const Poisson<float>& drive, Key key, std::uint32_t first,
                                  std::int64_t m, float* out) {
    draw(drive, key, first, m, out);
}
RHEOBASE_WIDE inline void poisson(const Poisson<double>& drive, Key key, std::uint32_t first,
                                  std::int64_t m, double* out) {
    draw(drive, key, first, m, out);
}

// The key of a step; see rheobase/time.py.
inline Key key_of(Key key, std::int64_t number) {
    const auto high = static_cast<std::uint32_t>(static_cast<std::uint64_t>(number) >> 32);
    const Key early = fold_in(key, static_cast<std::uint32_t>(number));
    return high == 0 ? early : fold_in(early, high | 0x80000000u);
}

}  // namespace rheobase
