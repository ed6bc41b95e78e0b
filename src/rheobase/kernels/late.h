// Loops over dense weights whose spikes arrive late, each in two neighbouring steps; late.cpp makes
// them custom calls of XLA.
//
// A spike of neuron i adds early[i, j] to what arrives at neuron j after slot[i, j] further steps,
// and late[i, j] one step after that. A ring of `depth` rows holds what is under way, row `cursor`
// the step that comes next. Slots were kept from 0 to depth - 2 when they were made.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "delivery.h"
#include "kind.h"
#include "layout.h"

namespace rheobase {

// Where all weights are visited, some columns of them stand side by side, (post / beside, pre,
// beside), so that they are read one after the other while the rings of few neurons are.

// Weights from `pre` to `post` neurons.
template <typename Real>
struct Late {
    const Real* early;
    const Real* late;
    const std::int32_t* slot;
    std::int64_t pre, post;
    std::int32_t depth;
};

// ring (depth, n) of one sample: what a spike adds, `slot` and weights those of its neuron.
template <typename Real>
RHEOBASE_WIDE void push_row(const Real* early, const Real* late, const std::int32_t* slot,
                            std::int32_t n, Real spike, std::int32_t cursor, std::int32_t depth,
                            Real* ring) {
    constexpr std::int32_t block = 64;
    std::int32_t first[block], second[block];
    Real one[block], two[block];
    for (std::int32_t begin = 0; begin < n; begin += block) {
        const std::int32_t size = std::min(block, n - begin);
        RHEOBASE_INDEPENDENT
        for (std::int32_t j = 0; j < size; ++j) {
            std::int32_t row = slot[begin + j] + cursor;
            row -= row >= depth ? depth : 0;
            first[j] = row * n + begin + j;
            row += 1;
            row -= row >= depth ? depth : 0;
            second[j] = row * n + begin + j;
            one[j] = spike * early[begin + j];
            two[j] = spike * late[begin + j];
        }
        for (std::int32_t j = 0; j < size; ++j) {
            ring[first[j]] += one[j];
            ring[second[j]] += two[j];
        }
    }
}

// A step of one sample: its spikes into the ring (depth, post), and out of it what arrives next.
template <typename Real>
void push(const Late<Real>& to, const Real* spikes, std::int32_t cursor, Real* ring,
          Real* arriving) {
    for_each_spike(spikes, to.pre, [&](std::int64_t i, Real spike) {
        const std::int64_t at = i * to.post;
        push_row(to.early + at, to.late + at, to.slot + at, static_cast<std::int32_t>(to.post),
                 spike, cursor, to.depth, ring);
    });
    Real* next = ring + cursor * to.post;
    std::copy_n(next, to.post, arriving);
    std::fill_n(next, to.post, Real(0));
}

// Numbers side by side that go through the same operations: GCC would not see it by itself.
template <typename Real, int count>
struct Lanes {
    typedef Real Pack __attribute__((vector_size(32), aligned(sizeof(Real)), may_alias));
    static constexpr int width = 32 / sizeof(Real), size = count * width;
    Pack pack[count];

    explicit Lanes(const Real* from) {
#pragma GCC unroll 8
        for (int p = 0; p < count; ++p) pack[p] = at(from, p);
    }
    void store(Real* to) const {
#pragma GCC unroll 8
        for (int p = 0; p < count; ++p) *reinterpret_cast<Pack*>(to + p * width) = pack[p];
    }
    void add(Real early, const Real* one, Real late, const Real* two) {
#pragma GCC unroll 8
        for (int p = 0; p < count; ++p) pack[p] += early * at(one, p) + late * at(two, p);
    }

  private:
    static const Pack& at(const Real* from, int p) {
        return *reinterpret_cast<const Pack*>(from + p * width);
    }
};

template <typename Real>
struct Lane {
    static constexpr int size = 1;
    Real sum;

    explicit Lane(const Real* from) : sum(*from) {}
    void store(Real* to) const { *to = sum; }
    void add(Real early, const Real* one, Real late, const Real* two) {
        sum += early * *one + late * *two;
    }
};

// worth[i, sample] += what a spike of neuron i would change, for a few samples side by side, by
// the cotangents in a ring (post, depth, samples), place[k] the row k steps after the next one.
template <typename Some, typename Real>
inline __attribute__((always_inline)) void pull_some(const Late<Real>& to,
                                                     const std::int64_t* place, const Real* ring,
                                                     std::int64_t samples, Real* worth) {
    const std::int64_t size = to.depth * samples;
    for (std::int64_t begin = 0; begin < to.post; begin += beside) {
        const std::int64_t count = std::min(beside, to.post - begin);
        for (std::int64_t i = 0; i < to.pre; ++i) {
            Some sum(worth + i * Some::size);
            const std::int64_t at = begin * to.pre + i * beside;
            const Real* own = ring + begin * size;
            for (std::int64_t k = at; k < at + count; ++k, own += size) {
                const std::int64_t* from = place + to.slot[k];
                sum.add(to.early[k], own + from[0], to.late[k], own + from[1]);
            }
            sum.store(worth + i * Some::size);
        }
    }
}

template <typename Real, int count>
RHEOBASE_WIDE void pull_packs(const Late<Real>& to, const std::int64_t* place, const Real* ring,
                              std::int64_t samples, Real* worth) {
    pull_some<Lanes<Real, count>>(to, place, ring, samples, worth);
}

// The way back of a step: the cotangent of what arrived into the ring (post, depth, samples), and
// out of it worth (samples, pre), that of the spikes.
template <typename Real>
void pull(const Late<Real>& to, const Real* arriving, std::int64_t samples, std::int32_t cursor,
          Real* ring, Real* worth) {
    for (std::int64_t j = 0; j < to.post; ++j)
        for (std::int64_t b = 0; b < samples; ++b)
            ring[(j * to.depth + cursor) * samples + b] = arriving[b * to.post + j];
    std::vector<std::int64_t> place(static_cast<std::size_t>(to.depth));
    for (std::int32_t k = 0; k < to.depth; ++k)
        place[static_cast<std::size_t>(k)] = (cursor + k) % to.depth * samples;
    constexpr std::int64_t width = Lanes<Real, 1>::size;
    std::vector<Real> sums(static_cast<std::size_t>(to.pre * 8 * width));
    for (std::int64_t b = 0; b < samples;) {
        const std::int64_t open = (samples - b) / width;
        const std::int64_t packs = open >= 8 ? 8 : open >= 2 ? 2 : open;
        const std::int64_t lanes = packs > 0 ? packs * width : 1;
        const auto pull_them = packs == 8   ? pull_packs<Real, 8>
                               : packs == 2 ? pull_packs<Real, 2>
                               : packs == 1 ? pull_packs<Real, 1>
                                            : pull_some<Lane<Real>, Real>;
        std::fill_n(sums.begin(), to.pre * lanes, Real(0));
        pull_them(to, place.data(), ring + b, samples, sums.data());
        for (std::int64_t l = 0; l < lanes; ++l, ++b)
            for (std::int64_t i = 0; i < to.pre; ++i)
                worth[b * to.pre + i] = sums[static_cast<std::size_t>(i * lanes + l)];
    }
}

// What a spike adds to the gradients of the weights of its neuron, by the cotangents (depth, n) of
// what arrived from its next step on.
template <typename Real>
RHEOBASE_WIDE void change_row(const Real* cotangent, const std::int32_t* slot, std::int32_t n,
                              Real spike, Real* early, Real* late) {
    RHEOBASE_INDEPENDENT
    for (std::int32_t j = 0; j < n; ++j) {
        const std::int32_t at = slot[j] * n + j;
        early[j] += spike * cotangent[at];
        late[j] += spike * cotangent[at + n];
    }
}

// The gradients of the weights, by all spikes (steps, samples, pre) and the cotangents
// (steps + depth - 1, samples, post) of what arrived, the first row that after the first step.
template <typename Real>
void change(const Late<Real>& to, const Real* spikes, const Real* cotangent, std::int64_t steps,
            std::int64_t samples, Real* early, Real* late) {
    constexpr std::int64_t stretch = 64;
    std::vector<Real> near(static_cast<std::size_t>((stretch + to.depth - 1) * to.post));
    for (std::int64_t b = 0; b < samples; ++b)
        for (std::int64_t begin = 0; begin < steps; begin += stretch) {
            const std::int64_t size = std::min(stretch, steps - begin);
            // The rows of one sample side by side, or they would displace each other in the cache.
            for (std::int64_t t = 0; t < size + to.depth - 1; ++t)
                std::copy_n(cotangent + ((begin + t) * samples + b) * to.post, to.post,
                            near.begin() + t * to.post);
            for (std::int64_t t = 0; t < size; ++t)
                for_each_spike(spikes + ((begin + t) * samples + b) * to.pre, to.pre,
                               [&](std::int64_t i, Real spike) {
                                   const std::int64_t at = i * to.post;
                                   change_row(near.data() + t * to.post, to.slot + at,
                                              static_cast<std::int32_t>(to.post), spike,
                                              early + at, late + at);
                               });
        }
}

}  // namespace rheobase
