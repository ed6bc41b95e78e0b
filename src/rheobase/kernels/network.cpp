// The loop of network.h as a custom call of XLA on a CPU, in float32 and float64.
//
// Operands, by `layout`: the step from which to go on in two words, how many to do and how many the
// recordings hold already (uint32, 4); for each population its numbers (the constants of a program, where that
// says what a step does), its whole numbers, state, remaining,
// arriving, current, delta, drives of each kind of synapse, of a source
// the steps of its spikes in two words and their neurons, the key of the run with the number of the
// drive, and the chances, of each drive that
// is drawn here, the neurons and variables to record, steps, neurons and number of its events, traces,
// counts and raster;
// for each projection start, target, weight, delay
// and ring, and where it has rules, its synapses by postsynaptic neuron, its weights and for each
// rule its numbers and traces. Results: steps done, and, in place where XLA can, state, remaining,
// arriving, events, traces, counts, raster, rings, weights that change and traces of rules.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "network.h"
#include "operands.h"

namespace {

using namespace rheobase;

// `layout`: number of populations and projections, whether recordings are no operands; the variables and synapses of each population, the
// instructions (0: no program), slots and counters of its program, its code, whether it is a source, how many of its drives are
// drawn here and of which kind of synapse each of them is (-1: delta); pre, post, kind of synapse (-1: delta), kind of delay (0 none, 1 one, 2 one each) and number of
// rules; pre- and postsynaptic traces of each rule.
template <ffi::DataType type>
ffi::Error run(ffi::RemainingArgs from, ffi::RemainingRets to,
               ffi::Span<const std::int64_t> layout, double dt) {
    using Real = ffi::NativeType<type>;
    Operands<type> operands(from, to);
    const std::int64_t *shape = layout.begin(), n_populations = *shape++, n_projections = *shape++;
    const bool fresh = *shape++ != 0;
    const std::uint32_t* clock = operands.words();
    std::int32_t* done = operands.whole_result();

    std::vector<Population<Real>> populations;
    std::vector<std::int32_t*> events;
    for (std::int64_t p = 0; p < n_populations; ++p) {
        const std::int64_t variables = *shape++, synapses = *shape++;
        const std::int64_t size = *shape++, slots = *shape++, counters = *shape++;
        const std::int64_t* code = shape;
        shape += size * instruction;
        const bool source = *shape++ != 0;
        const Real* numbers = operands.real();
        const std::int32_t* whole = operands.whole();
        const std::int64_t n = operands.size(1);
        const Real* x = operands.real();
        const std::int32_t* remaining = operands.whole();
        const Real* arriving = operands.real();
        Population<Real> one(
            size > 0 || source ? Kind<Real>(variables, synapses)
                     : Kind<Real>(numbers, variables, synapses, whole, static_cast<Real>(dt)));
        if (size > 0) one.machine = Machine<Real>(code, size, slots, numbers);
        one.counter = counters > 0;
        one.n = n;
        one.x = operands.continued(x);
        one.remaining = operands.continued(remaining);
        one.arriving = operands.continued(arriving);
        one.current = operands.series();
        one.delta = operands.series();
        for (std::int64_t s = 0; s < synapses; ++s) one.driven.push_back(operands.series());
        if (source) {
            const std::int64_t spikes = operands.size(0);
            const std::uint32_t* high = operands.words();
            const std::uint32_t* low = operands.words();
            one.listed = Timed{true, high, low, operands.whole(), spikes};
        }
        one.drawn.resize(synapses + 1);
        for (std::int64_t drawn = *shape++; drawn > 0; --drawn) {
            const std::int64_t synapse = *shape++;
            const std::int32_t* key = operands.whole();
            const std::int64_t most = operands.size(0) - 1;
            const Real* chances = operands.real();
            const Key run{static_cast<std::uint32_t>(key[0]), static_cast<std::uint32_t>(key[1])};
            one.drawn[synapse < 0 ? synapses : synapse].push_back(
                {fold_in(run, static_cast<std::uint32_t>(key[2])), chances + 1, most, chances});
        }
        one.probes = operands.size(0);
        one.probed = operands.whole();
        one.shows = operands.size(0);
        one.shown = operands.whole();
        const auto steps_of = operands.template recorded<std::int32_t>(fresh);
        one.step = steps_of.at;
        one.room = steps_of.rows;
        one.neuron = operands.template recorded<std::int32_t>(fresh).at;
        events.push_back(operands.template recorded<std::int32_t>(fresh).at);
        one.events = fresh ? 0 : events.back()[0];
        one.traces = operands.template recorded<Real>(fresh).at;
        const auto counts = operands.template recorded<Real>(fresh);
        const auto raster = operands.template recorded<Real>(fresh);
        for (const auto& sums : {counts, raster})
            if (fresh) std::fill_n(sums.at, sums.size, Real(0));
        if (counts.size > 0) one.counts = counts.at;
        if (raster.size > 0) one.raster = raster.at;
        populations.push_back(std::move(one));
    }
    std::vector<Synapses<Real>> projections;
    for (std::int64_t p = 0; p < n_projections; ++p) {
        const std::int64_t pre = *shape++, post = *shape++, kind = *shape++, delays = *shape++;
        const std::int64_t rules = *shape++, n_pre = populations[pre].n, n_post = populations[post].n;
        const std::int32_t* start = operands.whole();
        const std::int32_t* target = operands.whole();
        const bool shared = operands.size(0) == 1;
        const Real* weight = operands.real();
        const std::int32_t* delay = operands.whole();
        const std::int64_t depth = delays == 0 ? 0 : operands.size(0);
        Real* ring = operands.continued(operands.real());
        Synapses<Real> one{pre, post, kind, n_pre, n_post, start, target,
                                     {weight, shared}, depth, delays == 2 ? delay : nullptr, ring};
        if (rules > 0) {
            const std::int32_t* first = operands.whole();
            const std::int32_t* source = operands.whole();
            one.by_post = {first, source, operands.whole()};
            one.plastic = operands.continued(operands.real());
            one.weight = {one.plastic, false};
        }
        for (std::int64_t r = 0; r < rules; ++r) {
            const std::int64_t before = *shape++, behind = *shape++;
            const Real* numbers = operands.real();
            Real* traces = operands.continued(operands.real());
            one.rules.emplace_back(numbers, before, behind, traces, n_pre, n_post);
        }
        projections.push_back(std::move(one));
    }
    done[0] = static_cast<std::int32_t>(
        run_steps(populations, projections, operands.number(clock), clock[2], clock[3]));
    for (std::size_t p = 0; p < events.size(); ++p)
        events[p][0] = static_cast<std::int32_t>(populations[p].events);
    return ffi::Error::Success();
}

}  // namespace

RHEOBASE_CALL(run);
