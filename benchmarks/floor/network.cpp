// The network workloads written by hand: what the arithmetic and the memory themselves cost on one core.
//
// A step is one pass over the neurons, vectorised, without a branch; then the neurons that fired are collected,
// reset, and their rows of synapses are added to the inputs, which act in the next step. A delay that all synapses
// share is a ring of the numbers of neurons that fired. Excitatory neurons come first. Units: ms, mV; conductances
// in units of the leak, or nS for the neurons of Traub and Miles.
#include <cmath>
#include <cstdint>
#include <vector>

#include "exponential.h"

struct Run {
    float dt;
    std::int32_t n, excitatory, steps, room;
    const std::int32_t *start, *target;
    const float* v;            // at the start
    std::int32_t *step, *neuron;  // of each spike
};

struct Lif {
    float tau, v_rest, v_th, v_reset, refractory, tau_e, tau_i, w_e, w_i, E_e, E_i;
};

struct TraubMiles {
    float C, g_Na, g_K, g_L, v_Na, v_K, v_L, v_T, v_th, tau_e, tau_i, w_e, w_i, E_e, E_i, m, h, n;
};

struct Brunel {
    float tau, v_rest, v_th, v_reset, refractory, delay, J, g, mean;
};

namespace {

using Floats = std::vector<float>;
using Numbers = std::vector<std::int32_t>;

void add_row(const Run& run, std::int32_t i, float weight, float* __restrict input) {
    for (std::int32_t k = run.start[i]; k < run.start[i + 1]; ++k) input[run.target[k]] += weight;
}

// Those of n neurons that fire.
void collect(const Numbers& fires, Numbers& fired) {
    constexpr std::size_t some = 64;
    fired.clear();
    for (std::size_t first = 0; first < fires.size(); first += some) {
        const std::size_t end = std::min(first + some, fires.size());
        std::int32_t any = 0;
        for (std::size_t i = first; i < end; ++i) any |= fires[i];
        if (any != 0)
            for (std::size_t i = first; i < end; ++i)
                if (fires[i] != 0) fired.push_back(static_cast<std::int32_t>(i));
    }
}

// All steps: `advance(fires)`, `reset(i)` of a neuron that fired, `send(step, fired)`. Returns the number of spikes.
template <typename Advance, typename Reset, typename Send>
std::int32_t simulate(const Run& run, Advance advance, Reset reset, Send send) {
    Numbers fires(run.n, 0), fired;
    std::int32_t events = 0;
    for (std::int32_t step = 0; step < run.steps; ++step) {
        advance(fires.data());
        collect(fires, fired);
        if (events + static_cast<std::int32_t>(fired.size()) > run.room) return -1;
        for (const std::int32_t i : fired) {
            run.step[events] = step;
            run.neuron[events++] = i;
            reset(i);
        }
        send(step, fired);
    }
    return events;
}

std::int32_t in_steps(float time, float dt) { return static_cast<std::int32_t>(std::lround(time / dt)); }

}  // namespace

// tau dv/dt = g_e + g_i - (v - v_rest), by its exact propagator.
extern "C" std::int32_t cuba(const Run* r, const Lif* q) {
    const Run& run = *r;
    const Lif p = *q;
    const float a = std::exp(-run.dt / p.tau), a_e = std::exp(-run.dt / p.tau_e), a_i = std::exp(-run.dt / p.tau_i);
    const float b_e = p.tau_e / (p.tau_e - p.tau) * (a_e - a), b_i = p.tau_i / (p.tau_i - p.tau) * (a_i - a);
    Floats v(run.v, run.v + run.n), g_e(run.n, 0.0f), g_i(run.n, 0.0f);
    Numbers held(run.n, 0);
    const std::int32_t period = in_steps(p.refractory, run.dt);
    const auto advance = [&](std::int32_t* __restrict fires) {
        float *__restrict x = v.data(), *__restrict e = g_e.data(), *__restrict h = g_i.data();
        std::int32_t* __restrict left = held.data();
        for (std::int32_t i = 0; i < run.n; ++i) {
            const float moved = p.v_rest + (x[i] - p.v_rest) * a + e[i] * b_e + h[i] * b_i;
            e[i] *= a_e;
            h[i] *= a_i;
            x[i] = left[i] > 0 ? x[i] : moved;
            fires[i] = (left[i] == 0) & (x[i] >= p.v_th);
            left[i] -= left[i] > 0;
        }
    };
    const auto reset = [&](std::int32_t i) { v[i] = p.v_reset, held[i] = period; };
    const auto send = [&](std::int32_t, const Numbers& fired) {
        for (const std::int32_t i : fired)
            i < run.excitatory ? add_row(run, i, p.w_e, g_e.data()) : add_row(run, i, p.w_i, g_i.data());
    };
    return simulate(run, advance, reset, send);
}

// tau dv/dt = g_e (E_e - v) + g_i (E_i - v) - (v - v_rest), by exponential Euler.
extern "C" std::int32_t coba(const Run* r, const Lif* q) {
    const Run& run = *r;
    const Lif p = *q;
    const float a_e = std::exp(-run.dt / p.tau_e), a_i = std::exp(-run.dt / p.tau_i), dt_tau = run.dt / p.tau;
    Floats v(run.v, run.v + run.n), g_e(run.n, 0.0f), g_i(run.n, 0.0f), next(run.n);
    Numbers held(run.n, 0);
    const std::int32_t period = in_steps(p.refractory, run.dt);
    const auto advance = [&](std::int32_t* __restrict fires) {
        float *__restrict x = v.data(), *__restrict e = g_e.data(), *__restrict h = g_i.data();
        float* __restrict moved = next.data();
        std::int32_t* __restrict left = held.data();
        for (std::int32_t i = 0; i < run.n; ++i) {
            const float total = 1.0f + e[i] + h[i];
            const float steady = (p.v_rest + e[i] * p.E_e + h[i] * p.E_i) / total;
            moved[i] = steady + (x[i] - steady) * exponential(-dt_tau * total);
        }
        // Apart, since GCC would make of the choice a branch around the exponential.
        for (std::int32_t i = 0; i < run.n; ++i) {
            e[i] *= a_e;
            h[i] *= a_i;
            x[i] = left[i] > 0 ? x[i] : moved[i];
            fires[i] = (left[i] == 0) & (x[i] >= p.v_th);
            left[i] -= left[i] > 0;
        }
    };
    const auto reset = [&](std::int32_t i) { v[i] = p.v_reset, held[i] = period; };
    const auto send = [&](std::int32_t, const Numbers& fired) {
        for (const std::int32_t i : fired)
            i < run.excitatory ? add_row(run, i, p.w_e, g_e.data()) : add_row(run, i, p.w_i, g_i.data());
    };
    return simulate(run, advance, reset, send);
}

// C dv/dt = sum of g (E - v), dx/dt = alpha (1 - x) - beta x, by exponential Euler, all from the same old state.
extern "C" std::int32_t cobahh(const Run* r, const TraubMiles* q) {
    const Run& run = *r;
    const TraubMiles p = *q;
    const float dt = run.dt, a_e = std::exp(-dt / p.tau_e), a_i = std::exp(-dt / p.tau_i), dt_C = dt / p.C * 1e-3f;
    Floats v(run.v, run.v + run.n), m(run.n, p.m), h(run.n, p.h), n(run.n, p.n), g_e(run.n, 0.0f), g_i(run.n, 0.0f);
    const auto gate = [dt](float x, float alpha, float beta) {
        const float rate = alpha + beta, steady = alpha / rate;
        return steady + (x - steady) * exponential(-dt * rate);
    };
    const auto advance = [&](std::int32_t* __restrict fires) {
        float *__restrict x = v.data(), *__restrict e = g_e.data(), *__restrict s = g_i.data();
        float *__restrict y = m.data(), *__restrict w = h.data(), *__restrict z = n.data();
        for (std::int32_t i = 0; i < run.n; ++i) {
            const float u = x[i] - p.v_T, old = x[i];
            const float alpha_m = 1.28f / phi((13.0f - u) * 0.25f), beta_m = 1.4f / phi((u - 40.0f) * 0.2f);
            const float alpha_h = 0.128f * exponential((17.0f - u) * (1.0f / 18.0f));
            const float beta_h = 4.0f / (1.0f + exponential((40.0f - u) * 0.2f));
            const float alpha_n = 0.16f / phi((15.0f - u) * 0.2f);
            const float beta_n = 0.5f * exponential((10.0f - u) * 0.025f);
            const float sodium = p.g_Na * y[i] * y[i] * y[i] * w[i], squared = z[i] * z[i];
            const float potassium = p.g_K * squared * squared;
            const float total = sodium + potassium + p.g_L + e[i] + s[i];
            const float steady = (sodium * p.v_Na + potassium * p.v_K + p.g_L * p.v_L + e[i] * p.E_e + s[i] * p.E_i)
                                 / total;
            y[i] = gate(y[i], alpha_m, beta_m);
            w[i] = gate(w[i], alpha_h, beta_h);
            z[i] = gate(z[i], alpha_n, beta_n);
            e[i] *= a_e;
            s[i] *= a_i;
            x[i] = steady + (old - steady) * exponential(-dt_C * total);
            fires[i] = (x[i] >= p.v_th) & (old < p.v_th);
        }
    };
    const auto send = [&](std::int32_t, const Numbers& fired) {
        for (const std::int32_t i : fired)
            i < run.excitatory ? add_row(run, i, p.w_e, g_e.data()) : add_row(run, i, p.w_i, g_i.data());
    };
    return simulate(run, advance, [](std::int32_t) {}, send);
}

// tau dv/dt = v_rest - v, jumps by spikes a delay ago and by a Poisson number of spikes from outside.
extern "C" std::int32_t brunel(const Run* r, const Brunel* q) {
    const Run& run = *r;
    const Brunel p = *q;
    constexpr int most = 16;
    std::int32_t below[most];  // 2^24 times the chance of at most k spikes
    double term = std::exp(-static_cast<double>(p.mean)), sum = 0.0;
    for (int k = 0; k < most; ++k) {
        sum += term;
        below[k] = static_cast<std::int32_t>(sum * (1 << 24));
        term *= p.mean / (k + 1);
    }
    std::vector<std::uint32_t> random(run.n);
    std::uint64_t seed = 0;
    for (std::uint32_t& x : random) {  // splitmix64
        std::uint64_t z = seed += 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        x = static_cast<std::uint32_t>(z >> 32) | 1u;
    }
    const float a = std::exp(-run.dt / p.tau);
    const std::int32_t period = in_steps(p.refractory, run.dt), delay = in_steps(p.delay, run.dt);
    Floats v(run.v, run.v + run.n), arriving(run.n, 0.0f);
    Numbers held(run.n, 0);
    std::vector<Numbers> ring(delay);
    const auto advance = [&](std::int32_t* __restrict fires) {
        float *__restrict x = v.data(), *__restrict from = arriving.data();
        std::int32_t* __restrict left = held.data();
        std::uint32_t* __restrict state = random.data();
        for (std::int32_t i = 0; i < run.n; ++i) {
            std::uint32_t s = state[i];
            s ^= s << 13;
            s ^= s >> 17;
            s ^= s << 5;
            state[i] = s;
            const auto draw = static_cast<std::int32_t>(s >> 8);
            std::int32_t count = 0;
            for (int k = 0; k < most; ++k) count += draw >= below[k];
            const float moved = p.v_rest + (x[i] - p.v_rest) * a + p.J * static_cast<float>(count) + from[i];
            from[i] = 0.0f;
            x[i] = left[i] > 0 ? x[i] : moved;
            fires[i] = (left[i] == 0) & (x[i] >= p.v_th);
            left[i] -= left[i] > 0;
        }
    };
    const auto reset = [&](std::int32_t i) { v[i] = p.v_reset, held[i] = period; };
    const auto send = [&](std::int32_t step, const Numbers& fired) {
        Numbers& late = ring[step % delay];
        for (const std::int32_t i : late) add_row(run, i, i < run.excitatory ? p.J : -p.g * p.J, arriving.data());
        late = fired;
    };
    return simulate(run, advance, reset, send);
}
