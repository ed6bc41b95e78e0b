// Neurons whose variables move linearly as numbers, and the loops over all of them that are shared.
#pragma once

#include <algorithm>
#include <cstdint>

#include "layout.h"

// One compiled function serves all processors of a kind: the loader picks the widest vectors.
#if defined(RHEOBASE_WIDE)
#elif defined(__GNUC__) && __GNUC__ >= 12 && !defined(__clang__) && defined(__x86_64__) && defined(__linux__)
#define RHEOBASE_WIDE \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define RHEOBASE_WIDE
#endif
#if defined(__clang__)
#define RHEOBASE_INDEPENDENT _Pragma("clang loop vectorize(enable)")
#elif defined(__GNUC__)
#define RHEOBASE_INDEPENDENT _Pragma("GCC ivdep")
#else
#define RHEOBASE_INDEPENDENT
#endif

namespace rheobase {

// Of so many variables at most there is a lean step: more are rare, and each takes time to compile.
constexpr int most_lean = 4;

// A kind of neuron with its numbers.
template <typename Real>
struct Kind : LinearNumbers<Real> {
    using LinearNumbers<Real>::gain, LinearNumbers<Real>::margin, LinearNumbers<Real>::move;

    std::int64_t variables;
    std::int64_t synapses;        // kinds of synapses on it
    const std::int32_t* held{};   // (variables), 1 where a refractory neuron stands still
    std::int32_t period{};        // steps, of refractoriness
    std::int32_t target{};        // the variable that delta inputs reach
    Real dt{};

    // Of a neuron whose step is a program: nothing else is known.
    Kind(std::int64_t d, std::int64_t synapses) : variables(d), synapses(synapses) {}

    Kind(const Real* numbers, std::int64_t d, std::int64_t synapses, const std::int32_t* whole,
         Real dt)
        : LinearNumbers<Real>(numbers, d, synapses), variables(d), synapses(synapses), dt(dt) {
        const LinearWhole counts(whole, d);
        held = counts.held;
        period = *counts.period;
        target = *counts.target;
    }

    bool conducts() const {
        return std::any_of(gain, gain + variables, [](Real g) { return g != Real(0); });
    }
    // Whether all variables but the voltage move by themselves and matter to nothing else, so that
    // there is a lean step.
    bool simple() const {
        if (variables > most_lean) return false;
        for (std::int64_t d = 1; d < variables; ++d) {
            if (held[d] != 0 || margin[d] != Real(0)) return false;
            for (std::int64_t e = 0; e < variables; ++e)
                if (e != d && move[d * variables + e] != Real(0)) return false;
        }
        return true;
    }
};

// A value for each step and neuron, or fewer that serve several.
template <typename Real>
struct Series {
    const Real* value;
    std::int64_t steps, width;

    bool given() const { return steps > 1 || width > 1 || value[0] != Real(0); }
    const Real* at(std::int64_t step) const { return value + (steps > 1 ? step * width : 0); }
};

// to += scale from, of which keep from is left.
RHEOBASE_WIDE inline void take(std::int64_t n, float scale, float keep, float* __restrict from,
                               float* __restrict to) {
    for (std::int64_t i = 0; i < n; ++i) {
        to[i] += scale * from[i];
        from[i] *= keep;
    }
}
RHEOBASE_WIDE inline void take(std::int64_t n, double scale, double keep, double* __restrict from,
                               double* __restrict to) {
    for (std::int64_t i = 0; i < n; ++i) {
        to[i] += scale * from[i];
        from[i] *= keep;
    }
}

// x *= keep
RHEOBASE_WIDE inline void shrink(std::int64_t n, float keep, float* __restrict x) {
    for (std::int64_t i = 0; i < n; ++i) x[i] *= keep;
}
RHEOBASE_WIDE inline void shrink(std::int64_t n, double keep, double* __restrict x) {
    for (std::int64_t i = 0; i < n; ++i) x[i] *= keep;
}

// to += scale from
RHEOBASE_WIDE inline void add(std::int64_t n, float scale, const float* __restrict from,
                              float* __restrict to) {
    for (std::int64_t i = 0; i < n; ++i) to[i] += scale * from[i];
}
RHEOBASE_WIDE inline void add(std::int64_t n, double scale, const double* __restrict from,
                              double* __restrict to) {
    for (std::int64_t i = 0; i < n; ++i) to[i] += scale * from[i];
}

}  // namespace rheobase
