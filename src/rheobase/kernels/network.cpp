// The loop of network.h as a custom call of XLA on a CPU, in float32 and float64.
//
// Operands, by `layout`: the step from which to go on in two words, how many to do and how many the
// recordings hold already (uint32, 4); for each population its numbers (the constants of a program, where that
// says what a step does), its whole numbers, state, remaining,
// arriving, current, delta, drives of each kind of synapse, of a source
// the steps of its spikes in two words and their neurons, the key of the run with the number of the
// drive, the amplitude and the table (uint32, coarse and fine) of each drive that
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
Population<ffi::NativeType<type>> population(Operands<type>& operands, Layout& layout, double dt,
                                             std::int64_t steps, std::int64_t rows, bool fresh) {
    using Real = ffi::NativeType<type>;
    const std::int64_t variables = layout.next(1, any_number), synapses = layout.next(0, any_number);
    const std::int64_t size = layout.next(0, any_number), slots = layout.next(0, any_number);
    const std::int64_t counters = layout.next(0, 1);
    const std::int64_t* code = layout.take(size * instruction);
    const bool source = layout.next(0, 1) != 0, moves = size == 0 && !source;
    require(!moves || variables <= most_variables, "number of variables");
    const std::int64_t some = moves ? Kind<Real>::size(variables, synapses) : operands.count();
    const Real* numbers = operands.real(some, "numbers of a population");
    const std::int32_t* whole = operands.whole(moves ? 2 + variables : operands.count(), "kind");
    const std::int64_t n = operands.size(1);
    const Real* x = operands.real(variables * n, "state");
    const std::int32_t* remaining = operands.whole(n, "refractory counters");
    const Real* arriving = operands.real((synapses + 1) * n, "what arrives");
    Population<Real> one(
        moves ? Kind<Real>(numbers, variables, synapses, whole, static_cast<Real>(dt))
              : Kind<Real>(variables, synapses));
    if (size > 0) {
        require(sound(code, size, slots, some) && slots >= variables + synapses + 4, "program");
        one.machine = Machine<Real>(code, size, slots, numbers);
    } else if (moves) {
        require(one.kind.target >= 0 && one.kind.target < variables, "target");
    }
    one.counter = counters > 0;
    one.n = n;
    one.x = operands.continued(x, variables * n);
    one.remaining = operands.continued(remaining, n);
    one.arriving = operands.continued(arriving, (synapses + 1) * n);
    one.current = operands.series(steps, n);
    one.delta = operands.series(steps, n);
    for (std::int64_t s = 0; s < synapses; ++s) one.driven.push_back(operands.series(steps, n));
    if (source) {
        const std::int64_t spikes = operands.count();
        const std::uint32_t* high = operands.words(spikes, "spikes of a source");
        const std::uint32_t* low = operands.words(spikes, "spikes of a source");
        one.listed = Timed{true, high, low, operands.whole(spikes, "spikes of a source"), spikes};
        require(synapses == 0, "a source, on which nothing acts");
    }
    one.drawn.resize(synapses + 1);
    for (std::int64_t drawn = layout.next(0, any_number); drawn > 0; --drawn) {
        const std::int64_t synapse = layout.next(-1, synapses - 1);
        const std::int32_t* key = operands.whole(3, "key of a drive");
        const Real* amplitude = operands.real(1, "amplitude of a drive");
        const std::int64_t coarse_rows = operands.count();
        const std::uint32_t* coarse = operands.words(coarse_rows, "table of a drive");
        const std::int64_t rows_of = operands.size(1);
        const std::uint32_t* fine = operands.words(2 * rows_of, "table of a drive");
        const Key run{static_cast<std::uint32_t>(key[0]), static_cast<std::uint32_t>(key[1])};
        one.drawn[synapse < 0 ? synapses : synapse].push_back(
            {fold_in(run, static_cast<std::uint32_t>(key[2])), amplitude, coarse, fine, fine + rows_of,
             coarse_rows, rows_of});
    }
    one.probes = operands.count();
    one.probed = operands.whole(one.probes, "neurons to record");
    one.shows = operands.count();
    one.shown = operands.whole(one.shows, "variables to record");
    require_between(one.probed, one.probes, 0, n, "neurons to record");
    require_between(one.shown, one.shows, 0, variables, "variables to record");
    require(size == 0 || slots >= variables + synapses + 4 + one.shows, "program");
    const auto steps_of = operands.template recorded<std::int32_t>(fresh);
    const auto neurons = operands.template recorded<std::int32_t>(fresh);
    const auto events = operands.template recorded<std::int32_t>(fresh);
    const auto traces = operands.template recorded<Real>(fresh);
    const auto counts = operands.template recorded<Real>(fresh);
    const auto raster = operands.template recorded<Real>(fresh);
    require(neurons.size == steps_of.size && events.size == 1, "room for events");
    require(one.shows == 0 || (traces.rows >= rows &&
                               traces.size == traces.rows * one.shows * one.probes), "traces");
    require(counts.size == 0 || counts.size == n, "counts");
    require(raster.size == 0 || (raster.rows >= rows && raster.size == raster.rows * n), "raster");
    one.step = steps_of.at;
    one.room = steps_of.size;
    one.neuron = neurons.at;
    one.total = events.at;
    one.events = fresh ? 0 : events.at[0];
    require(one.events >= 0, "number of events");
    one.traces = traces.at;
    for (const auto& sums : {counts, raster})
        if (fresh) std::fill_n(sums.at, sums.size, Real(0));
    if (counts.size > 0) one.counts = counts.at;
    if (raster.size > 0) one.raster = raster.at;
    return one;
}

template <ffi::DataType type>
Synapses<ffi::NativeType<type>> projection(
    Operands<type>& operands, Layout& layout,
    const std::vector<Population<ffi::NativeType<type>>>& populations) {
    using Real = ffi::NativeType<type>;
    const std::int64_t last = static_cast<std::int64_t>(populations.size()) - 1;
    const std::int64_t pre = layout.next(0, last), post = layout.next(0, last);
    const std::int64_t kind = layout.next(-1, populations[post].kind.synapses - 1);
    const std::int64_t delays = layout.next(0, 2), rules = layout.next(0, any_number);
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
    const std::int64_t width = delays == 2 ? n_post : n_pre;
    Real* ring = operands.go_on(delays == 0 ? operands.count() : depth * width, "ring");
    Synapses<Real> one{pre, post, kind, n_pre, n_post, start, target,
                       {weight, shared}, depth, delays == 2 ? delay : nullptr, ring};
    if (rules > 0) {
        const std::int32_t* first = operands.whole(n_post + 1, "rows of synapses");
        require_rows(first, n_post, size);
        const std::int32_t* source = operands.whole(size, "sources");
        one.by_post = {first, source, operands.whole(size, "synapses by postsynaptic neuron")};
        one.plastic = operands.go_on(size, "weights that change");
        one.weight = {one.plastic, false};
    }
    for (std::int64_t r = 0; r < rules; ++r) {
        const std::int64_t before = layout.next(0, any_number), behind = layout.next(0, any_number);
        const std::int64_t both = before + behind;
        const Real* numbers = operands.real(
            both + Effect<Real>::size(before, behind) + Effect<Real>::size(behind, before), "rule");
        Real* traces = operands.go_on(before * n_pre + behind * n_post, "traces of a rule");
        one.rules.emplace_back(numbers, before, behind, traces, n_pre, n_post);
    }
    return one;
}

template <ffi::DataType type>
ffi::Error run(ffi::RemainingArgs from, ffi::RemainingRets to, ffi::Span<const std::int64_t> span,
               double dt) {
    using Real = ffi::NativeType<type>;
    return guarded([&] {
        Operands<type> operands(from, to);
        Layout layout(span);
        const std::int64_t n_populations = layout.next(1, any_number);
        const std::int64_t n_projections = layout.next(0, any_number);
        const bool fresh = layout.next(0, 1) != 0;
        const std::uint32_t* clock = operands.words(4, "clock");
        const std::int64_t steps = clock[2], kept = clock[3];
        std::int32_t* done = operands.whole_result(1);
        std::vector<Population<Real>> populations;
        for (std::int64_t p = 0; p < n_populations; ++p)
            populations.push_back(population(operands, layout, dt, steps, kept + steps, fresh));
        std::vector<Synapses<Real>> projections;
        for (std::int64_t p = 0; p < n_projections; ++p)
            projections.push_back(projection(operands, layout, populations));
        operands.require_done();
        done[0] = static_cast<std::int32_t>(
            run_steps(populations, projections, operands.number(clock), steps, kept));
        for (const Population<Real>& p : populations)
            p.total[0] = static_cast<std::int32_t>(p.events);
    });
}

}  // namespace

RHEOBASE_CALL(run);
