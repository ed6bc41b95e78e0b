// The way back of adjoint.h as a custom call of XLA on a CPU, in float32 and float64.
//
// Operands, by `layout`: the number of the first step in two words and how many they are (uint32, 3); for each
// population its numbers, its whole numbers, the steps that it is held, the steepness of its spikes,
// what they are worth, steps, neurons and number of its events, the cotangents of state and arriving;
// for each projection start, target, weight, delay, ring, the cotangents of ring and weights.
// Results: the cotangents, in place where XLA can.
#include "adjoint.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "operands.h"

namespace {

using namespace rheobase;

// `layout`: number of populations and projections; the variables and synapses of each population;
// pre, post, kind of synapse (-1: delta) and kind of delay (0 none, 1 one, 2 one each).
template <ffi::DataType type>
ffi::Error go_back(ffi::RemainingArgs from, ffi::RemainingRets to,
                   ffi::Span<const std::int64_t> layout, double dt) {
    using Real = ffi::NativeType<type>;
    Operands<type> operands(from, to);
    const std::int64_t *shape = layout.begin(), n_populations = *shape++, n_projections = *shape++;
    const std::uint32_t* clock = operands.words();

    std::vector<Backward<Real>> populations;
    for (std::int64_t p = 0; p < n_populations; ++p) {
        const std::int64_t variables = *shape++, synapses = *shape++;
        const Real* numbers = operands.real();
        const std::int32_t* whole = operands.whole();
        Backward<Real> one(Kind<Real>(numbers, variables, synapses, whole, static_cast<Real>(dt)));
        one.n = operands.size(0);
        one.remaining = operands.whole();
        one.steep = operands.real();
        one.each = operands.size(0) > 1;
        one.worth = operands.real();
        one.step = operands.whole();
        one.neuron = operands.whole();
        one.events = operands.whole()[0];
        one.x = operands.continued(operands.real());
        one.arriving = operands.continued(operands.real());
        populations.push_back(std::move(one));
    }
    std::vector<Backwires<Real>> projections;
    for (std::int64_t p = 0; p < n_projections; ++p) {
        const std::int64_t pre = *shape++, post = *shape++, kind = *shape++, delays = *shape++;
        const std::int32_t* start = operands.whole();
        const std::int32_t* target = operands.whole();
        const bool shared = operands.size(0) == 1;
        const Real* weight = operands.real();
        const std::int32_t* delay = operands.whole();
        const std::int64_t depth = delays == 0 ? 0 : operands.size(0);
        const Real* sent = operands.real();
        Real* ring = operands.continued(operands.real());
        Real* change = operands.continued(operands.real());
        projections.push_back({pre, post, kind, populations[pre].n, populations[post].n, start,
                               target, {weight, shared}, depth, delays == 2 ? delay : nullptr, sent,
                               ring, change});
    }
    rheobase::go_back(populations, projections, operands.number(clock), clock[2]);
    return ffi::Error::Success();
}

}  // namespace

RHEOBASE_CALL(go_back);
