// Rules of plasticity inside the loop of network.h: traces of spikes of both sides of a projection, and
// changes of weights that are products of them. All numbers come from the declarations; see plastic.py.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kind.h"
#include "plasticity.h"

namespace rheobase {

// The synapses of a projection by postsynaptic neuron.
struct Columns {
    const std::int32_t *start, *source, *synapse;
};

// What a spike of one end does.
template <typename Real>
struct Effect : EffectNumbers<Real> {
    std::int64_t traces, others;

    Effect(const Real* numbers, std::int64_t traces, std::int64_t others)
        : EffectNumbers<Real>(numbers, traces, others), traces(traces), others(others) {}
};

template <typename Real>
class Rule {
  public:
    // Numbers: the effects of a pre- and of a postsynaptic spike.
    Rule(const Real* numbers, std::int64_t pre, std::int64_t post, Real* traces, std::int64_t n_pre,
         std::int64_t n_post)
        : on_pre(numbers, pre, post),
          on_post(numbers + EffectNumbers<Real>::size(pre, post), post, pre), x(traces),
          y(traces + pre * n_pre), n_pre(n_pre), n_post(n_post) {}

    static std::int64_t size(std::int64_t pre, std::int64_t post) {
        return EffectNumbers<Real>::size(pre, post) + EffectNumbers<Real>::size(post, pre);
    }

    // The end of a step, at which the presynaptic neurons `late` and the postsynaptic ones `fired`
    // have their effects, in this order.
    void step(const std::int32_t* start, const std::int32_t* target, const Columns& by_post,
              const std::vector<std::int32_t>& late, const std::vector<std::int32_t>& fired,
              Real* weight) {
        for (std::int64_t k = 0; k < on_pre.traces; ++k) shrink(n_pre, on_pre.decay[k], x + k * n_pre);
        for (std::int64_t k = 0; k < on_post.traces; ++k)
            shrink(n_post, on_post.decay[k], y + k * n_post);
        act(on_pre, x, n_pre, y, n_post, late, start, target, InOrder{}, weight);
        act(on_post, y, n_post, x, n_pre, fired, by_post.start, by_post.source,
            Listed{by_post.synapse}, weight);
    }

  private:
    template <typename Place>
    void act(const Effect<Real>& effect, Real* own, std::int64_t n, const Real* other,
             std::int64_t n_other, const std::vector<std::int32_t>& spikes,
             const std::int32_t* start, const std::int32_t* end, Place place, Real* weight) {
        if (spikes.empty()) return;
        Real scale;
        const Real* passive = factor(effect, other, n_other, scale);
        const Course<Real> course(effect.course);
        with_factor(course, [&](auto by_weight) {
            for (const std::int32_t i : spikes) {
                Real active = effect.own[0];
                for (std::int64_t k = 0; k < effect.traces; ++k)
                    active += effect.own[1 + k] * own[k * n + i];
                change_row(scale * active, start[i], start[i + 1], end, place, passive, course,
                           by_weight, weight);
            }
        });
        for (const std::int32_t i : spikes)
            for (std::int64_t k = 0; k < effect.traces; ++k) {
                Real& trace = own[k * n + i];
                trace = effect.keep[k] * trace + effect.add[k];
            }
    }

    // The factor of the other end, to be multiplied by `scale`: a trace itself where it is one.
    const Real* factor(const Effect<Real>& effect, const Real* other, std::int64_t n, Real& scale) {
        std::int64_t some = 0, last = 0;
        for (std::int64_t k = 0; k < effect.others; ++k)
            if (effect.other[1 + k] != Real(0)) ++some, last = k;
        scale = 1;
        if (some == 1 && effect.other[0] == Real(0)) {
            scale = effect.other[1 + last];
            return other + last * n;
        }
        scratch.assign(n, effect.other[0]);
        for (std::int64_t k = 0; k < effect.others; ++k)
            for (std::int64_t j = 0; j < n; ++j)
                scratch[j] += effect.other[1 + k] * other[k * n + j];
        return scratch.data();
    }

    Effect<Real> on_pre, on_post;
    Real *x, *y;  // (traces, n_pre), (traces, n_post)
    std::int64_t n_pre, n_post;
    std::vector<Real> scratch{};
};

}  // namespace rheobase
