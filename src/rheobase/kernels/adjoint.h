// What flows back through the steps of network.h: cotangents of states, arrivals and weights.
//
// The mirror image of its loop, of networks whose voltages move by the affine map. A spike counts as
// a function of the margin whose derivative, `steep`, is given; the choice of who is held or reset
// has none. Spikes are those of the same steps run forwards, so that weights are touched by events,
// and what a spike is worth is gathered for the neurons alone for which its derivative is not zero.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "delivery.h"
#include "kind.h"

namespace rheobase {

// Where the cotangent of a spike saturates: a chaotic network multiplies it in each step.
constexpr double steepest = 1e12;

// A population on the way back.
template <typename Real>
class Backward {
  public:
    explicit Backward(const Kind<Real>& kind) : kind(kind) {}

    Kind<Real> kind;
    std::int64_t n = 0;
    const Real* steep = nullptr;  // (steps, n), derivative of a spike with respect to the margin
    const Real* worth = nullptr;  // (steps, n) or (1, n), cotangent of what is made of its spikes
    bool each = false;            // whether `worth` has a row for each step
    const std::int32_t* remaining = nullptr;  // (n), before the first step
    const std::int32_t *step = nullptr, *neuron = nullptr;
    std::int64_t events = 0;
    Real* x = nullptr;         // (D, n)
    Real* arriving = nullptr;  // (synapses + 1, n)
    std::vector<Real> spikes{};

    void begin(std::int64_t steps) {
        first.assign(steps + 1, 0);
        for (std::int64_t e = 0; e < events; ++e) ++first[step[e] + 1];
        for (std::int64_t t = 0; t < steps; ++t) first[t + 1] += first[t];
        spikes.assign(n, Real(0));
        moved.assign(kind.variables * n, Real(0));
        if (kind.period == 0 && std::all_of(remaining, remaining + n, [](auto r) { return r == 0; }))
            return;
        std::vector<std::int32_t> left(remaining, remaining + n);
        free.assign(steps * n, Real(0));
        for (std::int64_t t = 0; t < steps; ++t) {
            Real* now = free.data() + t * n;
            for (std::int64_t i = 0; i < n; ++i) {
                now[i] = left[i] == 0 ? Real(1) : Real(0);
                left[i] -= left[i] > 0;
            }
            for (const std::int32_t* i = fired(t); i != fired(t + 1); ++i) left[*i] = kind.period;
        }
    }

    // The neurons that fired in step t are from fired(t) to fired(t + 1).
    const std::int32_t* fired(std::int64_t t) const { return neuron + first[t]; }

    void take_worth(std::int64_t t) { std::copy_n(worth + (each ? t * n : 0), n, spikes.data()); }

    // Whether a spike of neuron i in step t could have been otherwise.
    bool counts(std::int64_t t, std::int64_t i) const {
        return steep[t * n + i] != Real(0) && (free.empty() || free[t * n + i] != Real(0));
    }

    // From the cotangents after step t, and of its spikes, to those before it.
    void advance(std::int64_t t) {
        const std::int64_t D = kind.variables;
        const Real* now = free.empty() ? nullptr : free.data() + t * n;
        for (const std::int32_t* i = fired(t); i != fired(t + 1); ++i) reset(*i);
        const Real most = static_cast<Real>(steepest);
        for (std::int64_t i = 0; i < n; ++i) {
            const Real back = std::min(std::max(spikes[i], -most), most);
            spikes[i] = back * steep[t * n + i] * (now == nullptr ? Real(1) : now[i]);
        }
        std::fill(moved.begin(), moved.end(), Real(0));
        for (std::int64_t d = 0; d < D; ++d) {
            Real* y = x + d * n;
            if (kind.margin[d] != Real(0)) add(n, kind.margin[d], spikes.data(), y);
            if (kind.held[d] != 0 && now != nullptr)  // a held variable stays what it was
                for (std::int64_t i = 0; i < n; ++i) {
                    moved[d * n + i] += (Real(1) - now[i]) * y[i];
                    y[i] *= now[i];
                }
        }
        std::copy_n(x + kind.target * n, n, arriving + kind.synapses * n);
        for (std::int64_t d = 0; d < D; ++d)
            for (std::int64_t e = 0; e < D; ++e)
                if (kind.move[d * D + e] != Real(0))
                    add(n, kind.move[d * D + e], x + d * n, moved.data() + e * n);
        std::copy(moved.begin(), moved.end(), x);
        std::fill_n(arriving, kind.synapses * n, Real(0));
        for (std::int64_t s = 0; s < kind.synapses; ++s)
            for (std::int64_t d = 0; d < D; ++d)
                if (kind.arrive[s * D + d] != Real(0))
                    add(n, kind.arrive[s * D + d], x + d * n, arriving + s * n);
    }

  private:
    void reset(std::int64_t i) {
        const std::int64_t D = kind.variables;
        Real after[most_variables];
        for (std::int64_t d = 0; d < D; ++d) after[d] = x[d * n + i];
        for (std::int64_t e = 0; e < D; ++e) {
            Real before = 0;
            for (std::int64_t d = 0; d < D; ++d) before += kind.keep[d * D + e] * after[d];
            x[e * n + i] = before;
        }
    }

    std::vector<std::int64_t> first{};  // (steps + 1), of the events
    std::vector<Real> moved{}, free{};  // (D, n); (steps, n), 0 where a neuron is held
};

// Synapses on the way back; see Synapses.
template <typename Real>
struct Backwires {
    std::int64_t pre, post, kind, n_pre, n_post;
    const std::int32_t *start, *target;
    Weights<Real> weight;
    std::int64_t depth;
    const std::int32_t* delay;
    const Real* sent;  // (depth, n_pre), the ring before the first step, where all have one delay
    Real* ring;        // its cotangent, (depth, n_pre), or (depth, n_post) with `delay`
    Real* change;      // cotangent of the weights

    // Step t of the chunk, step `number` of the run.
    void advance(std::int64_t t, std::int64_t number, Backward<Real>& from,
                 const Backward<Real>& to) {
        const Real* back = to.arriving + (kind == delta_input ? to.kind.synapses : kind) * n_post;
        if (depth == 0) {
            pass(t, from, back, Now{target});
            return;
        }
        const std::int64_t slot = Later::modulo(number, depth);
        if (delay != nullptr) {
            std::copy_n(back, n_post, ring + slot * n_post);
            pass(t, from, ring, Later{target, delay, slot, depth, n_post});
            return;
        }
        Real* late = ring + slot * n_pre;
        for (std::int64_t i = 0; i < n_pre; ++i) {
            from.spikes[i] += late[i];
            late[i] = gathered(i, back, Now{target});
        }
        if (t >= depth)
            for (const std::int32_t* i = from.fired(t - depth); i != from.fired(t - depth + 1); ++i)
                touch(*i, back, Now{target});
        else
            for_each_spike(sent + slot * n_pre, n_pre,
                           [&](std::int64_t i, Real) { touch(i, back, Now{target}); });
    }

    template <typename Place>
    void pass(std::int64_t t, Backward<Real>& from, const Real* back, Place place) {
        for (const std::int32_t* i = from.fired(t); i != from.fired(t + 1); ++i)
            touch(*i, back, place);
        for (std::int64_t i = 0; i < n_pre; ++i)
            if (from.counts(t, i)) from.spikes[i] += gathered(i, back, place);
    }

    // What the spike of neuron i is worth. All is captured by value, so that nothing but the synapses
    // is read in the loop.
    template <typename Place>
    Real gathered(std::int64_t i, const Real* back, Place place) const {
        const Real* value = weight.value;
        if (weight.shared)
            return value[0] * sum<Real>(start[i], start[i + 1],
                                        [=](std::int64_t k) { return back[place(k)]; });
        return sum<Real>(start[i], start[i + 1],
                         [=](std::int64_t k) { return value[k] * back[place(k)]; });
    }

    // What the weights of neuron i, which sent a spike, are worth.
    template <typename Place>
    void touch(std::int64_t i, const Real* back, Place place) {
        if (weight.shared)
            change[0] += sum<Real>(start[i], start[i + 1],
                                   [&](std::int64_t k) { return back[place(k)]; });
        else
            for (std::int64_t k = start[i]; k < start[i + 1]; ++k) change[k] += back[place(k)];
    }
};

// Back through `steps` steps, of which the first is step `number` of the run.
template <typename Real>
void go_back(std::vector<Backward<Real>>& populations, std::vector<Backwires<Real>>& synapses,
             std::int64_t number, std::int64_t steps) {
    for (Backward<Real>& p : populations) p.begin(steps);
    for (std::int64_t t = steps; t-- > 0;) {
        for (Backward<Real>& p : populations) p.take_worth(t);
        for (auto s = synapses.rbegin(); s != synapses.rend(); ++s)
            s->advance(t, number + t, populations[s->pre], populations[s->post]);
        for (Backward<Real>& p : populations) p.advance(t);
    }
}

}  // namespace rheobase
