// The way back of adjoint.h as a custom call of XLA on a CPU, in float32 and float64. What it is given
// stands in layout.py.
#include "adjoint.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "operands.h"

namespace {

using namespace rheobase;

Count needed(const Structure& of) {
    Count count;
    count.add<BackCallOperands<float>>();
    count.add<BackPopulationOperands<float>>(of.call.populations);
    count.add<BackProjectionOperands<float>>(of.call.projections);
    return count;
}

template <ffi::DataType type>
Backward<ffi::NativeType<type>> population(Operands<type>& operands,
                                           const Structure::Population& of, double dt,
                                           std::int64_t steps) {
    using Real = ffi::NativeType<type>;
    const std::int64_t variables = of.variables, synapses = of.synapses;
    require(variables <= most_variables, "number of variables");
    Sizes sizes{{Size::variables, variables},
                {Size::synapses, synapses},
                {Size::numbers, LinearNumbers<Real>::size(variables, synapses)},
                {Size::whole, LinearWhole::size(variables)}};
    const auto given = operands.template read<BackPopulationOperands>(sizes);
    Backward<Real> one(
        Kind<Real>(given.numbers, variables, synapses, given.whole, static_cast<Real>(dt)));
    require(one.kind.target >= 0 && one.kind.target < variables, "target");
    one.n = sizes[Size::n];
    one.remaining = given.remaining;
    require(sizes[Size::steep_steps] >= steps, "steepness of spikes");
    one.steep = given.steep;
    const std::int64_t worth = sizes[Size::worth_steps];
    require(worth == 1 || (worth >= steps && worth > 0), "worth of spikes");
    one.each = worth > 1;
    one.worth = given.worth;
    one.step = given.step;
    one.neuron = given.neuron;
    one.events = *given.spikes;
    require(one.events >= 0 && one.events <= sizes[Size::room], "number of events");
    require_between(one.step, one.events, 0, steps, "steps of events");
    require(std::is_sorted(one.step, one.step + one.events), "steps of events");
    require_between(one.neuron, one.events, 0, one.n, "neurons of events");
    one.x = given.state;
    one.arriving = given.arriving;
    return one;
}

template <ffi::DataType type>
Backwires<ffi::NativeType<type>> projection(
    Operands<type>& operands, const Structure::Projection& of,
    const std::vector<Backward<ffi::NativeType<type>>>& populations) {
    const std::int64_t n_pre = populations[of.pre].n, n_post = populations[of.post].n;
    Sizes sizes = sizes_of(of, n_pre, n_post);
    const auto given = operands.template read<BackProjectionOperands>(sizes);
    require_synapses(of, sizes, given.start);
    return {of.pre, of.post, of.kind, n_pre, n_post, given.start, given.target,
            {given.weight, sizes[Size::weights] == 1}, sizes[Size::depth],
            of.delays == delays_each ? given.delay : nullptr, given.sent, given.ring, given.change};
}

template <ffi::DataType type>
ffi::Error go_back(ffi::RemainingArgs from, ffi::RemainingRets to,
                   ffi::Span<const std::int64_t> span, double dt) {
    using Real = ffi::NativeType<type>;
    return guarded([&] {
        const Structure structure(span);
        Operands<type> operands(from, to, needed(structure));
        Sizes sizes;
        const ClockWords clock(operands.template read<BackCallOperands>(sizes).clock);
        std::vector<Backward<Real>> populations;
        for (const auto& of : structure.populations)
            populations.push_back(population(operands, of, dt, *clock.steps));
        std::vector<Backwires<Real>> projections;
        for (const auto& of : structure.projections)
            projections.push_back(projection(operands, of, populations));
        rheobase::go_back(populations, projections, first_step(clock), *clock.steps);
    });
}

}  // namespace

RHEOBASE_CALL(go_back);
