// Loops over sparse rows of synapses; delivery.cpp makes them custom calls of XLA.
//
// Rows are compressed by presynaptic neuron: neuron i has the synapses start[i] to start[i + 1].
// Starts and targets were checked when they were built and are not checked again. Delays may be
// computed, so whatever they are, they stay inside the ring.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

namespace rheobase {

// Where synapse k acts: on its target.
struct Now {
    const std::int32_t* target;

    std::int64_t operator()(std::int64_t k) const { return target[k]; }
};

// Where synapse k acts in a ring of coming steps, (depth, width): on its target, delay[k] steps
// after `slot`, which is below depth.
struct Later {
    const std::int32_t* target;
    const std::int32_t* delay;
    std::int64_t slot;
    std::int64_t depth;
    std::int64_t width;

    static std::int64_t modulo(std::int64_t step, std::int64_t depth) {
        return (step % depth + depth) % depth;
    }

    std::int64_t operator()(std::int64_t k) const {
        std::int64_t step = slot + delay[k];
        step -= step >= depth ? depth : 0;
        if (step < 0 || step >= depth) step = modulo(step, depth);
        return step * width + target[k];
    }
};

// One weight for each synapse, or one that all share.
template <typename Real>
struct Weights {
    const Real* value;
    bool shared;
};

// Calls visit(i, spikes[i]) where a spike is not zero. A block of silent neurons is passed over by
// its bits, without the sign: compilers make vector instructions of that.
template <typename Real, typename Visit>
void for_each_spike(const Real* spikes, std::int64_t n, Visit visit) {
    using Bits = std::conditional_t<sizeof(Real) == 4, std::uint32_t, std::uint64_t>;
    constexpr std::int64_t block = 32;
    const auto visit_range = [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i)
            if (spikes[i] != Real(0)) visit(i, spikes[i]);
    };
    std::int64_t begin = 0;
    for (; begin + block <= n; begin += block) {
        Bits all = 0;
        for (std::int64_t i = begin; i < begin + block; ++i) {
            Bits bits;
            std::memcpy(&bits, spikes + i, sizeof bits);
            all |= bits;
        }
        if (all << 1 != 0) visit_range(begin, begin + block);
    }
    visit_range(begin, n);
}

// out[place(k)] += spikes[i] * weight[k]
template <typename Real, typename Place>
void deliver(const Real* spikes, std::int64_t n, const std::int32_t* start, Place place,
             Weights<Real> weight, Real* out) {
    for_each_spike(spikes, n, [&](std::int64_t i, Real spike) {
        if (weight.shared) {
            const Real jump = spike * weight.value[0];
            for (std::int64_t k = start[i]; k < start[i + 1]; ++k) out[place(k)] += jump;
        } else {
            for (std::int64_t k = start[i]; k < start[i + 1]; ++k)
                out[place(k)] += spike * weight.value[k];
        }
    });
}

// The sum of term(k) from begin to end, in several sums that do not wait for each other. Their
// number is odd, lest a compiler pack them into vectors: collecting the terms would cost more.
template <typename Real, typename Term>
inline __attribute__((always_inline)) Real sum(std::int64_t begin, std::int64_t end, Term term) {
    constexpr std::int64_t lanes = 5;
    Real sums[lanes] = {};
    std::int64_t k = begin;
    for (; k + lanes <= end; k += lanes)
        for (std::int64_t lane = 0; lane < lanes; ++lane) sums[lane] += term(k + lane);
    for (; k < end; ++k) sums[0] += term(k);
    Real total = 0;
    for (Real part : sums) total += part;
    return total;
}

// out[i] = sum of weight[k] * cotangent[place(k)] over the synapses of neuron i
template <typename Real, typename Place>
void gather(const Real* cotangent, std::int64_t n, const std::int32_t* start, Place place,
            Weights<Real> weight, Real* out) {
    for (std::int64_t i = 0; i < n; ++i)
        if (weight.shared)
            out[i] = weight.value[0] * sum<Real>(start[i], start[i + 1], [&](std::int64_t k) {
                         return cotangent[place(k)];
                     });
        else
            out[i] = sum<Real>(start[i], start[i + 1], [&](std::int64_t k) {
                return weight.value[k] * cotangent[place(k)];
            });
}

// out[k] += spikes[i] * cotangent[place(k)], or all of it into out[0] for a shared weight
template <typename Real, typename Place>
void outer(const Real* spikes, std::int64_t n, const std::int32_t* start, Place place,
           const Real* cotangent, bool shared, Real* out) {
    for_each_spike(spikes, n, [&](std::int64_t i, Real spike) {
        if (shared)
            out[0] += spike * sum<Real>(start[i], start[i + 1],
                                        [&](std::int64_t k) { return cotangent[place(k)]; });
        else
            for (std::int64_t k = start[i]; k < start[i + 1]; ++k)
                out[k] += spike * cotangent[place(k)];
    });
}

}  // namespace rheobase
