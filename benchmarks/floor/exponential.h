// Exponentials in float32 without a branch or a call, so that a compiler makes vectors of loops over them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

// 2^n for a float n that holds a whole number in [-126, 127].
inline float power_of_two(float n) {
    const std::int32_t bits = (static_cast<std::int32_t>(n) + 127) << 23;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

// exp(x) - 1 as scale * (exp(r) - 1) + (scale - 1), x = n ln 2 + r: accurate to a few float32 roundings near 0 too.
struct Reduced {
    float scale, expm1_r;
};

inline Reduced reduce(float x) {
    constexpr float log2_e = 1.44269504f, ln2 = 0.693147181f;
    x = std::min(std::max(x, -87.0f), 88.0f);
    const float t = x * log2_e;
    const float n = static_cast<float>(static_cast<std::int32_t>(t + (t < 0.0f ? -0.5f : 0.5f)));
    const float r = x - n * ln2;
    const float p = 1.0f + r * (0.5f + r * (0.166666667f + r * (0.0416666667f
                    + r * (0.00833333333f + r * 0.00138888889f))));
    return {power_of_two(n), r * p};
}

inline float exponential(float x) {
    const Reduced e = reduce(x);
    return e.scale + e.scale * e.expm1_r;
}

// phi(z) = (exp(z) - 1) / z, phi(0) = 1.
inline float phi(float z) {
    const Reduced e = reduce(z);
    const float tiny = z == 0.0f ? 1.0f : 0.0f;
    return (e.scale * e.expm1_r + (e.scale - 1.0f) + tiny) / (z + tiny);
}
