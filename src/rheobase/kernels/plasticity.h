// Loops over the synapses of a spike whose weights change; plasticity.cpp makes them custom calls.
//
// A change is a product: active[i] of the neuron that spiked, passive[j] of the one at the other
// end, and a factor that depends on the weight. Rows were checked when they were built.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "delivery.h"
#include "layout.h"

namespace rheobase {

// The synapses of neuron i are c = start[i] to start[i + 1]: number place(c), other end other[c].
// By presynaptic neuron they stand as they are numbered, by postsynaptic neuron they do not.
struct InOrder {
    std::int64_t operator()(std::int64_t c) const { return c; }
};

struct Listed {
    const std::int32_t* synapse;

    std::int64_t operator()(std::int64_t c) const { return synapse[c]; }
};

// Where weights may lie, and how a change depends on them: ((w - anchor) scale)^mu.
template <typename Real>
struct Course {
    Real low, high, anchor, scale, mu;

    explicit Course(const CourseNumbers<Real>& at)
        : low(*at.low), high(*at.high), anchor(*at.anchor), scale(*at.scale), mu(*at.mu) {}
    explicit Course(const Real* numbers) : Course(CourseNumbers<Real>(numbers)) {}

    Real inside(Real w) const { return std::min(std::max(w, low), high); }
    Real distance(Real w) const { return std::max((w - anchor) * scale, Real(0)); }
};

// Calls go(factor), where factor(w) has the cheapest form that this mu has.
template <typename Real, typename Go>
void with_factor(const Course<Real>& course, Go go) {
    if (course.mu == Real(0))
        go([](Real) { return Real(1); });
    else if (course.mu == Real(1))
        go([&](Real w) { return course.distance(w); });
    else
        go([&](Real w) { return std::pow(course.distance(w), course.mu); });
}

// w[k] += active passive[other] factor(w[k]), inside the bounds, for the synapses c = begin to end
template <typename Real, typename Place, typename Factor>
void change_row(Real active, std::int64_t begin, std::int64_t end, const std::int32_t* other,
                Place place, const Real* passive, const Course<Real>& course, Factor factor,
                Real* weight) {
    for (std::int64_t c = begin; c < end; ++c) {
        Real& w = weight[place(c)];
        w = course.inside(w + active * passive[other[c]] * factor(w));
    }
}

// The same for all synapses of the neurons that are active
template <typename Real, typename Place>
void change(const Real* active, std::int64_t n, const std::int32_t* start,
            const std::int32_t* other, Place place, const Real* passive,
            const Course<Real>& course, Real* weight) {
    with_factor(course, [&](auto factor) {
        for_each_spike(active, n, [&](std::int64_t i, Real own) {
            change_row(own, start[i], start[i + 1], other, place, passive, course, factor, weight);
        });
    });
}

// Eligibilities that decay by e^-rate a step, each as it was when it was last touched.
template <typename Real>
struct Eligibility {
    Real* value;
    std::int32_t* touched;
    std::int32_t now;
    Real rate;

    // The difference of steps modulo 2^32, which is right also where a counter has turned over.
    std::uint32_t age(std::int64_t k) const {
        return static_cast<std::uint32_t>(now) - static_cast<std::uint32_t>(touched[k]);
    }

    void set(std::int64_t k, Real e) const {
        value[k] = e;
        touched[k] = now;
    }
};

// e[k] += active[i] passive[other] factor(w[k]), after its decay
template <typename Real, typename Place>
void mark(const Real* active, std::int64_t n, const std::int32_t* start, const std::int32_t* other,
          Place place, const Real* passive, const Course<Real>& course, const Real* weight,
          const Eligibility<Real>& e) {
    with_factor(course, [&](auto factor) {
        for_each_spike(active, n, [&](std::int64_t i, Real own) {
            for (std::int64_t c = start[i]; c < start[i + 1]; ++c) {
                const std::int64_t k = place(c);
                const Real left = e.value[k] * std::exp(-e.rate * Real(e.age(k)));
                e.set(k, left + own * passive[other[c]] * factor(weight[k]));
            }
        });
    });
}

// w[k] += reward e[k], inside the bounds, for all synapses; none where there is no reward
template <typename Real>
void reap(Real reward, std::int64_t synapses, const Course<Real>& course, Real* weight,
          const Eligibility<Real>& e) {
    if (reward == Real(0)) return;
    std::uint32_t age = 0;
    Real left = 1;
    for (std::int64_t k = 0; k < synapses; ++k) {
        if (e.age(k) != age) {  // after a first reward nearly all have the same age
            age = e.age(k);
            left = std::exp(-e.rate * Real(age));
        }
        e.set(k, e.value[k] * left);
        weight[k] = course.inside(weight[k] + reward * e.value[k]);
    }
}

}  // namespace rheobase
