// One step of integrate-and-fire neurons whose variables move linearly.
//
// Every variable of a neuron moves by one affine map, x' = move x + shift + entry I, but for the
// voltage where conductances act on it: its rate is linear in v with a slope that depends on the
// others, and it moves by exponential Euler. All numbers come from the declarations; see fused.py.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "kind.h"

namespace rheobase {

// (e^z - 1)/z where |z| is at most `small`: its series.
constexpr double small = 0.35;

inline float phi_small(float z) {
    float q = 1.9841270e-4f;
    q = q * z + 1.3888889e-3f;
    q = q * z + 8.3333333e-3f;
    q = q * z + 4.1666667e-2f;
    q = q * z + 1.6666667e-1f;
    q = q * z + 0.5f;
    return q * z + 1.0f;
}

inline double phi_small(double z) {
    double q = 1.0 / 87178291200.0;
    for (const double inverse :
         {1.0 / 6227020800.0, 1.0 / 479001600.0, 1.0 / 39916800.0, 1.0 / 3628800.0, 1.0 / 362880.0,
          1.0 / 40320.0, 1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0})
        q = q * z + inverse;
    return q;
}

// (e^z - 1)/z, for z up to 30, by the same in what is left of z beyond a multiple of ln 2.
inline float phi(float z) {
    z = std::min(std::max(z, -80.0f), 30.0f);
    const float k = std::floor(z * 1.44269504f + 0.5f);
    const float r = (z - k * 0.693359375f) + k * 2.12194440e-4f;
    const float q = phi_small(r);
    const std::uint32_t bits = static_cast<std::uint32_t>(static_cast<std::int32_t>(k) + 127) << 23;
    float scale;
    std::memcpy(&scale, &bits, sizeof scale);
    const float safe = z == 0.0f ? 1.0f : z;
    const float whole = (scale * q * r + (scale - 1.0f)) / safe;
    return k == 0.0f ? q : whole;
}

inline double phi(double z) {
    z = std::min(std::max(z, -700.0), 30.0);
    const double k = std::floor(z * 1.4426950408889634 + 0.5);
    const double r = (z - k * 6.93145751953125e-1) - k * 1.42860682030941723212e-6;
    const double q = phi_small(r);
    const std::uint64_t bits = static_cast<std::uint64_t>(static_cast<std::int64_t>(k) + 1023) << 52;
    double scale;
    std::memcpy(&scale, &bits, sizeof scale);
    const double safe = z == 0.0 ? 1.0 : z;
    const double whole = (scale * q * r + (scale - 1.0)) / safe;
    return k == 0.0 ? q : whole;
}

// How the voltage moves: by the affine map, or by a slope that is small or of any size.
enum class Voltage { affine, small, any };

// One step of m neurons with D variables, n apart in x, of which the voltage is the first. Leaves in x
// the state that they reached, and in `remaining` -1 where one fires. Without a branch: compilers
// make vectors of it. Returns whether any fires.
//
// `lean`: one input for all, no kick, and besides the voltage only variables that move by themselves,
// are not held and do not count for the threshold. What is left out is zero.
template <typename Real, int D, Voltage voltage, bool lean>
inline __attribute__((always_inline)) bool advance(
    const Kind<Real>& kind, std::int64_t n, std::int64_t m, Real* __restrict x,
    std::int32_t* __restrict remaining, const Real* __restrict current,
    const Real* __restrict kick) {
    Real shift[D], entry[D], move[D][D], gain[D], rate[D], margin[D], to[D];
    std::int32_t held[D];
    for (int d = 0; d < D; ++d) {
        shift[d] = kind.shift[d];
        entry[d] = kind.entry[d];
        gain[d] = kind.gain[d];
        rate[d] = kind.rate[d];
        margin[d] = kind.margin[d];
        held[d] = -kind.held[d];
        to[d] = d == kind.target ? Real(1) : Real(0);
        for (int e = 0; e < D; ++e) move[d][e] = kind.move[d * D + e];
    }
    const Real level = kind.level[0], dt = kind.dt, shared = current[0];
    const Real rate0 = *kind.base_rate, slope0 = *kind.base_slope, entry0 = *kind.base_entry;
    std::int32_t any = 0;
    RHEOBASE_INDEPENDENT
    for (std::int64_t i = 0; i < m; ++i) {
        const Real input = lean ? shared : current[i];
        const std::int32_t left = remaining[i];
        Real old[D], y[D], distance = level;
        for (int d = 0; d < D; ++d) old[d] = x[d * n + i];
        for (int d = 0; d < D; ++d) {
            y[d] = shift[d] + entry[d] * input;
            for (int e = 0; e < D; ++e)
                if (!lean || d == 0 || d == e) y[d] += move[d][e] * old[e];
        }
        if constexpr (voltage != Voltage::affine) {
            Real more = 0, f = rate0 + entry0 * input;
            for (int d = 0; d < D; ++d) {
                more += gain[d] * old[d];
                f += rate[d] * old[d];
            }
            const Real z = dt * (slope0 + more);
            const Real mean = voltage == Voltage::small ? phi_small(z) : phi(z);
            y[0] = old[0] + mean * (dt * (f + more * old[0]));
        }
        for (int d = 0; d < D; ++d) {
            if (!lean) y[d] += to[d] * kick[i];
            if (!lean || d == 0) {
                y[d] = (held[d] & -(left > 0)) != 0 ? old[d] : y[d];
                distance += margin[d] * y[d];
            }
            x[d * n + i] = y[d];
        }
        const std::int32_t fires = (left == 0) & (distance >= Real(0));
        any |= fires;
        remaining[i] = (left > 0 ? left - 1 : 0) - fires;
    }
    return any != 0;
}

// Whether some of m neurons have a slope of the voltage beyond the series of phi.
template <typename Real, int D>
inline __attribute__((always_inline)) bool steep(const Kind<Real>& kind, std::int64_t n,
                                                 std::int64_t m, const Real* x) {
    const Real most = Real(small) / kind.dt;
    std::int32_t any = 0;
    for (std::int64_t i = 0; i < m; ++i) {
        Real slope = *kind.base_slope;
        for (int d = 0; d < D; ++d) slope += kind.gain[d] * x[d * n + i];
        any |= (slope > most) | (slope < -most);
    }
    return any != 0;
}

template <typename Real>
using Advance = bool (*)(const Kind<Real>&, std::int64_t, std::int64_t, Real*, std::int32_t*,
                         const Real*, const Real*, bool);

// Attributes that choose among processors cannot stand on templates: one function a case.
#define RHEOBASE_ADVANCE(Real, D)                                                                 \
    RHEOBASE_WIDE inline bool advance_##Real##_##D(                                               \
        const Kind<Real>& kind, std::int64_t n, std::int64_t m, Real* x, std::int32_t* remaining, \
        const Real* current, const Real* kick, bool lean) {                                       \
        if constexpr (D <= most_lean)                                                             \
            if (lean)                                                                             \
                return advance<Real, D, Voltage::affine, true>(kind, n, m, x, remaining, current, \
                                                               kick);                             \
        return advance<Real, D, Voltage::affine, false>(kind, n, m, x, remaining, current, kick); \
    }                                                                                             \
    RHEOBASE_WIDE inline bool conduct_##Real##_##D(                                               \
        const Kind<Real>& kind, std::int64_t n, std::int64_t m, Real* x, std::int32_t* remaining, \
        const Real* current, const Real* kick, bool lean) {                                       \
        if constexpr (D <= most_lean)                                                             \
            if (lean && !steep<Real, D>(kind, n, m, x))                                           \
                return advance<Real, D, Voltage::small, true>(kind, n, m, x, remaining, current,  \
                                                              kick);                              \
        return advance<Real, D, Voltage::any, false>(kind, n, m, x, remaining, current, kick);    \
    }
#define RHEOBASE_ADVANCE_ALL(Real)                                                                \
    RHEOBASE_ADVANCE(Real, 1)                                                                     \
    RHEOBASE_ADVANCE(Real, 2)                                                                     \
    RHEOBASE_ADVANCE(Real, 3)                                                                     \
    RHEOBASE_ADVANCE(Real, 4)                                                                     \
    RHEOBASE_ADVANCE(Real, 5)                                                                     \
    RHEOBASE_ADVANCE(Real, 6)                                                                     \
    RHEOBASE_ADVANCE(Real, 7)                                                                     \
    RHEOBASE_ADVANCE(Real, 8)                                                                     \
    inline Advance<Real> advance_of(const Kind<Real>& kind) {                                     \
        static const Advance<Real> table[2][most_variables] = {                                   \
            {advance_##Real##_1, advance_##Real##_2, advance_##Real##_3, advance_##Real##_4,      \
             advance_##Real##_5, advance_##Real##_6, advance_##Real##_7, advance_##Real##_8},     \
            {conduct_##Real##_1, conduct_##Real##_2, conduct_##Real##_3, conduct_##Real##_4,      \
             conduct_##Real##_5, conduct_##Real##_6, conduct_##Real##_7, conduct_##Real##_8}};    \
        return table[kind.conducts()][kind.variables - 1];                                        \
    }

RHEOBASE_ADVANCE_ALL(float)
RHEOBASE_ADVANCE_ALL(double)

}  // namespace rheobase
