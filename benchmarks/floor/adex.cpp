// 10,000 uncoupled AdEx neurons written by hand: the time that the arithmetic itself costs on one core.
//
//   tau   dv/dt = -(v - v_rest) + delta_T exp((min(v, v_th) - v_T) / delta_T) - R w + R I
//   tau_w dw/dt = a (v - v_rest) - w            v >= v_th:  v <- v_reset,  w <- w + b
//
// One pass over the neurons a step, both variables from the same old state, reset by selection. The loop bodies
// have no branch and no call that is not inlined, so that any compiler with -O3 -ffast-math vectorises them.
// Units: ms, mV, MOhm, uS, nA.
#include <algorithm>
#include <cstdint>

#include "exponential.h"

struct AdEx {
    float tau, R, v_rest, v_th, v_reset, v_T, delta_T, tau_w, a, b;
};

namespace {

template <bool exponential_euler>
void simulate(const AdEx& p, float dt, int n, int steps, const float* current, float* v, float* w,
              std::int32_t* counts) {
    const float dt_tau = dt / p.tau, dt_tau_w = dt / p.tau_w, per_delta = 1.0f / p.delta_T;
    const float gain_w = exponential_euler ? dt_tau_w * phi(-dt_tau_w) : dt_tau_w;
    for (int step = 0; step < steps; ++step) {
        for (int i = 0; i < n; ++i) {
            const float v0 = v[i], w0 = w[i];
            const float e = exponential((std::min(v0, p.v_th) - p.v_T) * per_delta);
            const float f = p.v_rest - v0 + p.delta_T * e + p.R * (current[i] - w0);
            const float gain = exponential_euler ? dt_tau * phi(dt_tau * (e - 1.0f)) : dt_tau;
            const float v1 = v0 + gain * f;
            const float w1 = w0 + gain_w * (p.a * (v0 - p.v_rest) - w0);
            const bool spike = v1 >= p.v_th;
            v[i] = spike ? p.v_reset : v1;
            w[i] = spike ? w1 + p.b : w1;
            counts[i] += spike;
        }
    }
}

}  // namespace

extern "C" void adex_euler(const AdEx* p, float dt, int n, int steps, const float* current, float* v, float* w,
                           std::int32_t* counts) {
    simulate<false>(*p, dt, n, steps, current, v, w, counts);
}

extern "C" void adex_exponential_euler(const AdEx* p, float dt, int n, int steps, const float* current, float* v,
                                       float* w, std::int32_t* counts) {
    simulate<true>(*p, dt, n, steps, current, v, w, counts);
}
