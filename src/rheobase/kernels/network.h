// Many steps of a network of integrate-and-fire neurons whose variables move linearly.
//
// Every variable of a neuron moves by one affine map, x' = move x + shift + entry I, but for the
// voltage where conductances act on it: its rate is linear in v with a slope that depends on the
// others, and it moves by exponential Euler. All numbers come from the declarations; see fused.py.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "delivery.h"

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
    const std::int32_t bits = (static_cast<std::int32_t>(k) + 127) << 23;
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
    const std::int64_t bits = (static_cast<std::int64_t>(k) + 1023) << 52;
    double scale;
    std::memcpy(&scale, &bits, sizeof scale);
    const double safe = z == 0.0 ? 1.0 : z;
    const double whole = (scale * q * r + (scale - 1.0)) / safe;
    return k == 0.0 ? q : whole;
}

// The numbers of a kind of neuron with D variables, one after the other.
template <typename Real>
struct Kind {
    std::int64_t variables;
    std::int64_t synapses;      // kinds of synapses on it
    const Real* shift;          // (D)
    const Real* entry;          // (D), of the input current
    const Real* move;           // (D, D)
    const Real* gain;           // (D), d(slope of the voltage)/dx: not zero for conductances
    const Real* rate;           // (D), d(rate of the voltage)/dx at rest, without the gain
    const Real* start;          // (3): rate and slope of the voltage where all is zero; d rate/dI
    const Real* level;          // (1), margin where all is zero
    const Real* margin;         // (D)
    const Real* fresh;          // (D), after a spike: keep x + fresh
    const Real* keep;           // (D, D)
    const Real* arrive;         // (synapses, D), what a weight of one adds
    const std::int32_t* held;   // (D), 1 where a refractory neuron stands still
    std::int32_t period;        // steps, of refractoriness
    std::int32_t target;        // the variable that delta inputs reach
    Real dt;

    static std::int64_t size(std::int64_t d, std::int64_t synapses) {
        return 7 * d + 2 * d * d + 4 + synapses * d;
    }

    Kind(const Real* p, std::int64_t d, std::int64_t synapses, const std::int32_t* whole, Real dt)
        : variables(d), synapses(synapses), dt(dt) {
        const auto take = [&p](std::int64_t n) { const Real* at = p; p += n; return at; };
        shift = take(d);
        entry = take(d);
        gain = take(d);
        rate = take(d);
        margin = take(d);
        fresh = take(d);
        start = take(3);
        level = take(1);
        move = take(d * d);
        keep = take(d * d);
        arrive = take(synapses * d);
        period = whole[0];
        target = whole[1];
        held = whole + 2;
    }

    bool conducts() const {
        return std::any_of(gain, gain + variables, [](Real g) { return g != Real(0); });
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

// Neurons that are advanced at a time: their state stays in the nearest cache.
constexpr std::int64_t block = 512;

// How the voltage moves: by the affine map, or by a slope that is small or of any size.
enum class Voltage { affine, small, any };

// One step of m neurons with D variables, n apart in x, of which the voltage is the first; `fires` is
// 1 where one fires, x the state that it reached. Without a branch: compilers make vectors of it.
// Returns whether any fires.
template <typename Real, int D, Voltage voltage>
inline __attribute__((always_inline)) bool advance(
    const Kind<Real>& kind, std::int64_t n, std::int64_t m, Real* __restrict x,
    std::int32_t* __restrict remaining, const Real* __restrict current,
    const Real* __restrict kick, std::int32_t* __restrict fires) {
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
    const Real level = kind.level[0], dt = kind.dt;
    const Real rate0 = kind.start[0], slope0 = kind.start[1], entry0 = kind.start[2];
    std::int32_t any = 0;
    RHEOBASE_INDEPENDENT
    for (std::int64_t i = 0; i < m; ++i) {
        const Real input = current[i], add = kick[i];
        const std::int32_t left = remaining[i];
        Real old[D], y[D], distance = level;
        for (int d = 0; d < D; ++d) old[d] = x[d * n + i];
        for (int d = 0; d < D; ++d) {
            y[d] = shift[d] + entry[d] * input;
            for (int e = 0; e < D; ++e) y[d] += move[d][e] * old[e];
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
            y[d] += to[d] * add;
            y[d] = (held[d] & -(left > 0)) != 0 ? old[d] : y[d];
            distance += margin[d] * y[d];
            x[d * n + i] = y[d];
        }
        fires[i] = (left == 0) & (distance >= Real(0));
        any |= fires[i];
        remaining[i] = left > 0 ? left - 1 : 0;
    }
    return any != 0;
}

template <typename Real>
using Advance = bool (*)(const Kind<Real>&, std::int64_t, std::int64_t, Real*, std::int32_t*,
                         const Real*, const Real*, std::int32_t*);

constexpr std::int64_t most_variables = 8;

// Attributes that choose among processors cannot stand on templates: one function a case.
#define RHEOBASE_ADVANCE(Real, D)                                                                 \
    RHEOBASE_WIDE inline bool advance_##Real##_##D(                                               \
        const Kind<Real>& kind, std::int64_t n, std::int64_t m, Real* x, std::int32_t* remaining, \
        const Real* current, const Real* kick, std::int32_t* fires) {                             \
        return advance<Real, D, Voltage::affine>(kind, n, m, x, remaining, current, kick, fires);                     \
    }                                                                                             \
    RHEOBASE_WIDE inline bool conduct_##Real##_##D(                                               \
        const Kind<Real>& kind, std::int64_t n, std::int64_t m, Real* x, std::int32_t* remaining, \
        const Real* current, const Real* kick, std::int32_t* fires) {                             \
        const Real most = Real(small) / kind.dt;                                                  \
        std::int32_t steep = 0;                                                                   \
        for (std::int64_t i = 0; i < m; ++i) {                                                    \
            Real slope = kind.start[1];                                                           \
            for (int d = 0; d < D; ++d) slope += kind.gain[d] * x[d * n + i];                     \
            steep |= (slope > most) | (slope < -most);                                            \
        }                                                                                         \
        return steep == 0                                                                         \
                   ? advance<Real, D, Voltage::small>(kind, n, m, x, remaining, current, kick,    \
                                                      fires)                                      \
                   : advance<Real, D, Voltage::any>(kind, n, m, x, remaining, current, kick,      \
                                                    fires);                                       \
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

// A population of a network; all arrays belong to the caller.
template <typename Real>
class Population {
  public:
    explicit Population(const Kind<Real>& kind) : kind(kind) {}

    Kind<Real> kind;
    std::int64_t n = 0;
    Real* x = nullptr;                  // (D, n)
    std::int32_t* remaining = nullptr;  // (n), steps that it is still held
    Real* arriving = nullptr;           // (synapses + 1, n), the last of them delta inputs
    Series<Real> current{}, delta{};
    std::vector<Series<Real>> driven{};  // of each kind of synapse
    std::int32_t *step = nullptr, *neuron = nullptr;  // events, (room)
    std::int64_t room = 0, events = 0;
    const std::int32_t *probed = nullptr, *shown = nullptr;  // neurons and variables to record
    std::int64_t probes = 0, shows = 0;
    Real* traces = nullptr;  // (steps, shows, probes)
    bool kicks = false;      // whether a synapse adds to `target` at once
    std::vector<std::int32_t> fired{};

    void begin() {
        rule = advance_of(kind);
        input.assign(block, Real(0));
        kick.assign(block, Real(0));
        fires.assign(block, 0);
    }

    // Step `now` of all neurons, the `kept`th of the recording; leaves in `fired` those that fired.
    void advance(std::int64_t now, std::int64_t kept) {
        fired.clear();
        if (current.width == 1) std::fill_n(input.begin(), block, current.at(now)[0]);
        if (delta.width == 1) std::fill_n(kick.begin(), block, delta.at(now)[0]);
        const bool kicked = kicks || delta.width > 1;
        for (std::int64_t first = 0; first < n; first += block) {
            const std::int64_t m = std::min(block, n - first);
            arrive(now, first, m);
            if (kicked) {
                Real* from = arriving + kind.synapses * n + first;
                const Real* add = delta.at(now) + (delta.width > 1 ? first : 0);
                for (std::int64_t i = 0; i < m; ++i)
                    kick[i] = from[i] + add[delta.width > 1 ? i : 0];
                std::fill_n(from, m, Real(0));
            }
            const Real* in = current.width == 1 ? input.data() : current.at(now) + first;
            if (rule(kind, n, m, x + first, remaining + first, in, kick.data(), fires.data()))
                collect(first, m);
        }
        if (shows > 0) show(kept);
        reset(kept);
    }

  private:
    // Adds those of m neurons that fire to `fired`; few do.
    void collect(std::int64_t first, std::int64_t m) {
        constexpr std::int64_t some = 64;
        for (std::int64_t begin = 0; begin < m; begin += some) {
            const std::int64_t end = std::min(begin + some, m);
            std::int32_t any = 0;
            for (std::int64_t i = begin; i < end; ++i) any |= fires[i];
            if (any == 0) continue;
            for (std::int64_t i = begin; i < end; ++i)
                if (fires[i] != 0) fired.push_back(static_cast<std::int32_t>(first + i));
        }
    }

    // The synapses of m neurons take what has arrived.
    void arrive(std::int64_t now, std::int64_t first, std::int64_t m) {
        for (std::int64_t s = 0; s < kind.synapses; ++s) {
            if (driven[s].given()) {
                const bool one = driven[s].width == 1;
                const Real* __restrict from = driven[s].at(now) + (one ? 0 : first);
                Real* __restrict to = arriving + s * n + first;
                for (std::int64_t i = 0; i < m; ++i) to[i] += from[one ? 0 : i];
            }
            const Real* jump = kind.arrive + s * kind.variables;
            std::int64_t last = kind.variables - 1;
            while (last > 0 && jump[last] == Real(0)) --last;
            for (std::int64_t d = 0; d <= last; ++d)
                if (jump[d] != Real(0) || d == last)
                    take(m, jump[d], Real(d != last), arriving + s * n + first, x + d * n + first);
        }
    }

    void show(std::int64_t kept) {
        Real* out = traces + kept * shows * probes;
        for (std::int64_t s = 0; s < shows; ++s)
            for (std::int64_t k = 0; k < probes; ++k) *out++ = x[shown[s] * n + probed[k]];
    }

    // Notes the neurons that fired and resets them.
    void reset(std::int64_t kept) {
        const std::int64_t variables = kind.variables;
        Real old[most_variables];
        for (const std::int32_t i : fired) {
            step[events] = static_cast<std::int32_t>(kept);
            neuron[events++] = i;
            remaining[i] = kind.period;
            for (std::int64_t d = 0; d < variables; ++d) old[d] = x[d * n + i];
            for (std::int64_t d = 0; d < variables; ++d) {
                Real y = kind.fresh[d];
                for (std::int64_t e = 0; e < variables; ++e)
                    y += kind.keep[d * variables + e] * old[e];
                x[d * n + i] = y;
            }
        }
    }

    Advance<Real> rule = nullptr;
    std::vector<Real> input{}, kick{};
    std::vector<std::int32_t> fires{};
};

// Synapses between two populations.
template <typename Real>
struct Synapses {
    std::int64_t pre, post, kind, n_pre, n_post;
    const std::int32_t *start, *target;
    Weights<Real> weight;
    std::int64_t depth;         // steps of the ring; 0: no delay
    const std::int32_t* delay;  // of each synapse; none: `depth` for all
    Real* ring;                 // (depth, n_pre) spikes, or (depth, n_post) inputs with `delay`

    void send(std::int64_t number, const std::vector<std::int32_t>& fired, Real* arriving) const {
        if (depth == 0) {
            for (const std::int32_t i : fired) row(i, Real(1), arriving);
            return;
        }
        const std::int64_t slot = number % depth;
        if (delay == nullptr) {
            Real* late = ring + slot * n_pre;
            for_each_spike(late, n_pre, [&](std::int64_t i, Real spike) {
                row(i, spike, arriving);
                late[i] = Real(0);
            });
            for (const std::int32_t i : fired) late[i] = Real(1);
            return;
        }
        const Later place{target, delay, slot, depth, n_post};
        for (const std::int32_t i : fired)
            for (std::int64_t k = start[i]; k < start[i + 1]; ++k)
                ring[place(k)] += weight.shared ? weight.value[0] : weight.value[k];
        Real* now = ring + slot * n_post;
        for (std::int64_t j = 0; j < n_post; ++j) arriving[j] += now[j];
        std::fill_n(now, n_post, Real(0));
    }

    void row(std::int64_t i, Real spike, Real* __restrict out) const {
        if (weight.shared) {
            const Real jump = spike * weight.value[0];
            for (std::int64_t k = start[i]; k < start[i + 1]; ++k) out[target[k]] += jump;
        } else {
            for (std::int64_t k = start[i]; k < start[i + 1]; ++k)
                out[target[k]] += spike * weight.value[k];
        }
    }
};

// Up to `steps` steps from step `number`, of which the recordings hold `kept` before; ends early, by
// the number that it returns, where the events of one more step might not fit.
template <typename Real>
std::int64_t run(std::vector<Population<Real>>& populations,
                 const std::vector<Synapses<Real>>& synapses, std::int64_t number,
                 std::int64_t steps, std::int64_t kept) {
    for (Population<Real>& p : populations) p.begin();
    for (const Synapses<Real>& s : synapses)
        if (s.kind < 0) populations[s.post].kicks = true;
    for (std::int64_t now = 0; now < steps; ++now) {
        for (const Population<Real>& p : populations)
            if (p.events + p.n > p.room) return now;
        for (Population<Real>& p : populations) p.advance(now, kept + now);
        for (const Synapses<Real>& s : synapses) {
            Population<Real>& to = populations[s.post];
            const std::int64_t row = s.kind < 0 ? to.kind.synapses : s.kind;
            s.send(number + now, populations[s.pre].fired, to.arriving + row * to.n);
        }
    }
    return steps;
}

}  // namespace rheobase
