// One step of any neurons as instructions on vectors of them; see rheobase/network/program.py, and layout.h for
// the instructions.
//
// A slot is a place for a vector of neurons: their variables, inputs and outputs where they are in
// memory, and registers that stay in the nearest cache. Truth and counters are numbers too. Whoever
// writes a program sees to it that no slot is read before it was written.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "kind.h"
#include "layout.h"

namespace rheobase {

// Whether code of `size` instructions reads and writes within so many slots and constants, and has
// operands where `execute` looks for slots and constants.
inline bool sound(const std::int64_t* code, std::int64_t size, std::int64_t slots,
                  std::int64_t constants) {
    for (std::int64_t k = 0; k < size; ++k) {
        Instruction i;
        std::memcpy(&i, code + k * instruction, sizeof i);
        if (i.what < 0 || i.what >= operations || i.to < 0 || i.to >= slots) return false;
        for (const std::int64_t x : {i.a, i.b, i.c, i.d, i.e, i.f, i.g})
            if (x < 0 ? ~x >= constants : x >= slots) return false;
        const bool line = i.a < 0 || i.b >= 0 || i.c >= 0 || i.d >= 0 || i.e >= 0;
        switch (forms[i.what]) {
            case Form::unary: break;
            case Form::binary:
                if (i.a < 0 && i.b < 0) return false;
                break;
            case Form::ternary:
                if (i.a < 0) return false;
                break;
            case Form::map:
                if (line) return false;
                break;
            case Form::relax:
                if (line || i.f < 0 || i.g < 0) return false;
        }
    }
    return true;
}

#define RHEOBASE_INLINE inline __attribute__((always_inline))

// e^z as scale (1 + grown): z = k ln 2 + r, scale = 2^k, grown = e^r - 1 by its series.
template <typename Real>
struct Exponential {
    Real scale, grown;
};

RHEOBASE_INLINE Exponential<float> reduced(float z) {
    z = std::min(std::max(z, -87.0f), 88.3f);
    const float k = std::floor(z * 1.44269504f + 0.5f);
    const float r = (z - k * 0.693359375f) + k * 2.12194440e-4f;
    float q = 1.9841270e-4f;
    q = q * r + 1.3888889e-3f;
    q = q * r + 8.3333333e-3f;
    q = q * r + 4.1666667e-2f;
    q = q * r + 1.6666667e-1f;
    q = q * r + 0.5f;
    q = q * r + 1.0f;
    const std::uint32_t bits = static_cast<std::uint32_t>(static_cast<std::int32_t>(k) + 127) << 23;
    float scale;
    std::memcpy(&scale, &bits, sizeof scale);
    return {scale, r * q};
}

RHEOBASE_INLINE Exponential<double> reduced(double z) {
    z = std::min(std::max(z, -708.0), 709.0);
    const double k = std::floor(z * 1.4426950408889634 + 0.5);
    const double r = (z - k * 6.93145751953125e-1) - k * 1.42860682030941723212e-6;
    double q = 1.0 / 87178291200.0;
    for (const double inverse :
         {1.0 / 6227020800.0, 1.0 / 479001600.0, 1.0 / 39916800.0, 1.0 / 3628800.0, 1.0 / 362880.0,
          1.0 / 40320.0, 1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0})
        q = q * r + inverse;
    const std::uint64_t bits = static_cast<std::uint64_t>(static_cast<std::int64_t>(k) + 1023) << 52;
    double scale;
    std::memcpy(&scale, &bits, sizeof scale);
    return {scale, r * q};
}

template <typename Real>
RHEOBASE_INLINE Real exponential(Real z) {
    const Exponential<Real> e = reduced(z);
    return e.scale * e.grown + e.scale;
}

template <typename Real>
RHEOBASE_INLINE Real grown(Real z) {
    const Exponential<Real> e = reduced(z);
    return e.scale * e.grown + (e.scale - Real(1));
}

// (e^z - 1)/z, 1 at z = 0.
template <typename Real>
RHEOBASE_INLINE Real mean_of_exponential(Real z) {
    const Real zero = z == Real(0) ? Real(1) : Real(0);
    return (grown(z) + zero) / (z + zero);
}

template <typename Real>
RHEOBASE_INLINE Real inverse_of_mean(Real z) {
    const Real zero = z == Real(0) ? Real(1) : Real(0);
    return (z + zero) / (grown(z) + zero);
}

template <typename Real>
RHEOBASE_INLINE Real bounded(Real x, Real low, Real high) {
    x = x < low ? low : x;
    return high < x ? high : x;
}

template <typename Real>
class Machine {
  public:
    // So many neurons at a time that some tens of vectors of them fit into the nearest cache.
    static constexpr std::int64_t most = 1024 / sizeof(Real);

    Machine() = default;
    Machine(const std::int64_t* code, std::int64_t size, std::int64_t slots, const Real* constants)
        : code_(size), constants_(constants), registers_(slots * most), slot_(slots) {
        if (size > 0) std::memcpy(code_.data(), code, size * sizeof(Instruction));
        for (std::int64_t s = 0; s < slots; ++s) slot_[s] = registers_.data() + s * most;
    }

    bool given() const { return !code_.empty(); }

    Real*& slot(std::int64_t s) { return slot_[s]; }

    // On m neurons, at most `most`.
    RHEOBASE_INLINE void run(std::int64_t m) {
        for (const Instruction& i : code_) execute(i, m);
    }

  private:
    template <typename Function>
    RHEOBASE_INLINE void unary(const Instruction& i, std::int64_t m, Function f) {
        Real* to = slot_[i.to];
        if (i.a < 0) {
            std::fill_n(to, m, f(constants_[~i.a]));
            return;
        }
        const Real* a = slot_[i.a];
        RHEOBASE_INDEPENDENT
        for (std::int64_t k = 0; k < m; ++k) to[k] = f(a[k]);
    }

    template <typename Function>
    RHEOBASE_INLINE void binary(const Instruction& i, std::int64_t m, Function f) {
        Real* to = slot_[i.to];
        if (i.b < 0) {
            const Real *a = slot_[i.a], b = constants_[~i.b];
            RHEOBASE_INDEPENDENT
            for (std::int64_t k = 0; k < m; ++k) to[k] = f(a[k], b);
        } else if (i.a < 0) {
            const Real a = constants_[~i.a], *b = slot_[i.b];
            RHEOBASE_INDEPENDENT
            for (std::int64_t k = 0; k < m; ++k) to[k] = f(a, b[k]);
        } else {
            const Real *a = slot_[i.a], *b = slot_[i.b];
            RHEOBASE_INDEPENDENT
            for (std::int64_t k = 0; k < m; ++k) to[k] = f(a[k], b[k]);
        }
    }

    // The first operand is a slot.
    template <typename Function>
    RHEOBASE_INLINE void ternary(const Instruction& i, std::int64_t m, Function f) {
        Real* to = slot_[i.to];
        const Real* a = slot_[i.a];
        if (i.b < 0 && i.c < 0) {
            const Real b = constants_[~i.b], c = constants_[~i.c];
            RHEOBASE_INDEPENDENT
            for (std::int64_t k = 0; k < m; ++k) to[k] = f(a[k], b, c);
        } else if (i.b < 0) {
            const Real b = constants_[~i.b], *c = slot_[i.c];
            RHEOBASE_INDEPENDENT
            for (std::int64_t k = 0; k < m; ++k) to[k] = f(a[k], b, c[k]);
        } else if (i.c < 0) {
            const Real *b = slot_[i.b], c = constants_[~i.c];
            RHEOBASE_INDEPENDENT
            for (std::int64_t k = 0; k < m; ++k) to[k] = f(a[k], b[k], c);
        } else {
            const Real *b = slot_[i.b], *c = slot_[i.c];
            RHEOBASE_INDEPENDENT
            for (std::int64_t k = 0; k < m; ++k) to[k] = f(a[k], b[k], c[k]);
        }
    }

    // e f(min(b x + c, d)), of which x alone is in a slot.
    template <typename Function>
    RHEOBASE_INLINE void map(const Instruction& i, std::int64_t m, Function f) {
        const Real scale = constants_[~i.b], shift = constants_[~i.c];
        const Real cap = constants_[~i.d], gain = constants_[~i.e];
        const Real* a = slot_[i.a];
        Real* to = slot_[i.to];
        RHEOBASE_INDEPENDENT
        for (std::int64_t k = 0; k < m; ++k) {
            const Real z = scale * a[k] + shift;
            to[k] = gain * f(cap < z ? cap : z);
        }
    }

    // g + f e phi(min(b x + c, d)), x, f and g in slots: a step of exponential Euler.
    RHEOBASE_INLINE void relax(const Instruction& i, std::int64_t m) {
        const Real scale = constants_[~i.b], shift = constants_[~i.c];
        const Real cap = constants_[~i.d], gain = constants_[~i.e];
        const Real *a = slot_[i.a], *f = slot_[i.f], *g = slot_[i.g];
        Real* to = slot_[i.to];
        RHEOBASE_INDEPENDENT
        for (std::int64_t k = 0; k < m; ++k) {
            const Real z = scale * a[k] + shift;
            to[k] = mean_of_exponential(cap < z ? cap : z) * (gain * f[k]) + g[k];
        }
    }

#define RHEOBASE_MAP(name, expression)                                                        \
    case name:                                                                                \
        return map(i, m, [](Real x) __attribute__((always_inline)) -> Real { return expression; })
#define RHEOBASE_UNARY(name, expression)                                                      \
    case name:                                                                                \
        return unary(i, m, [](Real x) __attribute__((always_inline)) -> Real { return expression; })
#define RHEOBASE_BINARY(name, expression)                                                     \
    case name:                                                                                \
        return binary(i, m, [](Real x, Real y) __attribute__((always_inline)) -> Real {       \
            return expression;                                                                \
        })
#define RHEOBASE_TERNARY(name, expression)                                                    \
    case name:                                                                                \
        return ternary(i, m, [](Real x, Real y, Real z) __attribute__((always_inline)) -> Real { \
            return expression;                                                                \
        })

    RHEOBASE_INLINE void execute(const Instruction& i, std::int64_t m) {
        constexpr Real no(0), yes(1);
        switch (i.what) {
            RHEOBASE_UNARY(op_copy, x);
            RHEOBASE_BINARY(op_add, x + y);
            RHEOBASE_BINARY(op_sub, x - y);
            RHEOBASE_BINARY(op_mul, x* y);
            RHEOBASE_BINARY(op_div, x / y);
            RHEOBASE_BINARY(op_min, y < x ? y : x);
            RHEOBASE_BINARY(op_max, x < y ? y : x);
            RHEOBASE_BINARY(op_lt, x < y ? yes : no);
            RHEOBASE_BINARY(op_le, x <= y ? yes : no);
            RHEOBASE_BINARY(op_gt, x > y ? yes : no);
            RHEOBASE_BINARY(op_ge, x >= y ? yes : no);
            RHEOBASE_BINARY(op_eq, x == y ? yes : no);
            RHEOBASE_BINARY(op_ne, x != y ? yes : no);
            RHEOBASE_UNARY(op_neg, -x);
            RHEOBASE_UNARY(op_abs, std::abs(x));
            RHEOBASE_MAP(op_exp, exponential(x));
            RHEOBASE_UNARY(op_expm1, grown(x));
            RHEOBASE_MAP(op_phi, mean_of_exponential(x));
            RHEOBASE_MAP(op_inverse_phi, inverse_of_mean(x));
            RHEOBASE_MAP(op_logistic, yes / (yes + exponential(-x)));
            RHEOBASE_UNARY(op_log, std::log(x));
            RHEOBASE_UNARY(op_tanh, std::tanh(x));
            RHEOBASE_UNARY(op_sqrt, std::sqrt(x));
            RHEOBASE_BINARY(op_pow, std::pow(x, y));
            RHEOBASE_TERNARY(op_select_n, x != no ? z : y);
            RHEOBASE_TERNARY(op_muladd, x* y + z);
            RHEOBASE_TERNARY(op_mulsub, x* y - z);
            RHEOBASE_TERNARY(op_submul, z - x * y);
            RHEOBASE_TERNARY(op_clamp, bounded(x, y, z));
            case op_relax: return relax(i, m);
        }
    }

    std::vector<Instruction> code_{};
    const Real* constants_ = nullptr;
    std::vector<Real> registers_{};
    std::vector<Real*> slot_{};
};

// Compiled apart, in program.cpp, where a product and a sum may be rounded once.
void execute(Machine<float>& machine, std::int64_t m);
void execute(Machine<double>& machine, std::int64_t m);

}  // namespace rheobase
