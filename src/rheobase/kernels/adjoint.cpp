// The way back of adjoint.h as a custom call of XLA on a CPU, in float32 and float64.
//
// Operands, by `layout`: the number of the first step in two words and how many they are (uint32, 3); for each
// population its numbers, its whole numbers, the steps that it is held, the steepness of its spikes,
// what they are worth, steps, neurons and number of its events, the cotangents of state and arriving;
// for each projection start, target, weight, delay, ring, the cotangents of ring and weights.
// Results: the cotangents, in place where XLA can.
#include "adjoint.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "operands.h"

namespace {

using namespace rheobase;

// `layout`: number of populations and projections; the variables and synapses of each population;
// pre, post, kind of synapse (-1: delta) and kind of delay (0 none, 1 one, 2 one each).
template <ffi::DataType type>
Backward<ffi::NativeType<type>> population(Operands<type>& operands, Layout& layout, double dt,
                                           std::int64_t steps) {
    using Real = ffi::NativeType<type>;
    const std::int64_t variables = layout.next(1, most_variables);
    const std::int64_t synapses = layout.next(0, any_number);
    const Real* numbers = operands.real(Kind<Real>::size(variables, synapses), "numbers");
    const std::int32_t* whole = operands.whole(2 + variables, "kind");
    Backward<Real> one(Kind<Real>(numbers, variables, synapses, whole, static_cast<Real>(dt)));
    require(one.kind.target >= 0 && one.kind.target < variables, "target");
    const std::int64_t n = one.n = operands.count();
    one.remaining = operands.whole(n, "refractory counters");
    const std::int64_t rows = operands.size(0);
    require(rows >= steps, "steepness of spikes");
    one.steep = operands.real(rows * n, "steepness of spikes");
    const std::int64_t worth = operands.size(0);
    require(worth == 1 || worth >= steps, "worth of spikes");
    one.each = worth > 1;
    one.worth = operands.real(worth * n, "worth of spikes");
    const std::int64_t room = operands.count();
    one.step = operands.whole(room, "events");
    one.neuron = operands.whole(room, "events");
    one.events = operands.whole(1, "number of events")[0];
    require(one.events >= 0 && one.events <= room, "number of events");
    require_between(one.step, one.events, 0, steps, "steps of events");
    require(std::is_sorted(one.step, one.step + one.events), "steps of events");
    require_between(one.neuron, one.events, 0, n, "neurons of events");
    one.x = operands.go_on(variables * n, "cotangents of the state");
    one.arriving = operands.go_on((synapses + 1) * n, "cotangents of what arrives");
    return one;
}

template <ffi::DataType type>
Backwires<ffi::NativeType<type>> projection(
    Operands<type>& operands, Layout& layout,
    const std::vector<Backward<ffi::NativeType<type>>>& populations) {
    using Real = ffi::NativeType<type>;
    const std::int64_t last = static_cast<std::int64_t>(populations.size()) - 1;
    const std::int64_t pre = layout.next(0, last), post = layout.next(0, last);
    const std::int64_t kind = layout.next(-1, populations[post].kind.synapses - 1);
    const std::int64_t delays = layout.next(0, 2);
    const std::int64_t n_pre = populations[pre].n, n_post = populations[post].n;
    const std::int32_t* start = operands.whole(n_pre + 1, "rows of synapses");
    const std::int64_t size = operands.count();
    require_rows(start, n_pre, size);
    const std::int32_t* target = operands.whole(size, "targets");
    const bool shared = operands.count() == 1;
    const Real* weight = operands.real(shared ? 1 : size, "weights");
    const std::int32_t* delay = operands.whole(delays == 2 ? size : operands.count(), "delays");
    const std::int64_t depth = delays == 0 ? 0 : operands.size(0);
    require(delays == 0 || depth > 0, "ring");
    const std::int64_t rings =
        delays == 0 ? operands.count() : depth * (delays == 2 ? n_post : n_pre);
    const Real* sent = operands.real(rings, "ring");
    Real* ring = operands.go_on(rings, "cotangents of the ring");
    Real* change = operands.go_on(shared ? 1 : size, "cotangents of weights");
    return {pre, post, kind, n_pre, n_post, start, target, {weight, shared}, depth,
            delays == 2 ? delay : nullptr, sent, ring, change};
}

template <ffi::DataType type>
ffi::Error go_back(ffi::RemainingArgs from, ffi::RemainingRets to,
                   ffi::Span<const std::int64_t> span, double dt) {
    using Real = ffi::NativeType<type>;
    return guarded([&] {
        Operands<type> operands(from, to);
        Layout layout(span);
        const std::int64_t n_populations = layout.next(1, any_number);
        const std::int64_t n_projections = layout.next(0, any_number);
        const std::uint32_t* clock = operands.words(3, "clock");
        std::vector<Backward<Real>> populations;
        for (std::int64_t p = 0; p < n_populations; ++p)
            populations.push_back(population(operands, layout, dt, clock[2]));
        std::vector<Backwires<Real>> projections;
        for (std::int64_t p = 0; p < n_projections; ++p)
            projections.push_back(projection(operands, layout, populations));
        operands.require_done();
        rheobase::go_back(populations, projections, operands.number(clock), clock[2]);
    });
}

}  // namespace

RHEOBASE_CALL(go_back);
