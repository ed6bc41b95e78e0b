// The loop of network.h as a custom call of XLA on a CPU, in float32 and float64. What it is given
// stands in layout.py.
#include "network.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "operands.h"

namespace {

using namespace rheobase;

Count needed(const Structure& of) {
    Count count;
    count.add<CallOperands<float>>();
    for (const auto& one : of.populations) {
        count.add<PopulationOperands<float>>();
        count.add<DriveOperands<float>>(one.synapses);
        count.add<SourceOperands<float>>(one.source);
        count.add<DrawnOperands<float>>(one.drawn);
        count.add<RecordedOperands<float>>(1, of.call.fresh != 0);
    }
    for (const auto& one : of.projections) {
        count.add<ProjectionOperands<float>>();
        if (one.rules > 0) count.add<PlasticOperands<float>>();
        count.add<RuleOperands<float>>(one.rules);
    }
    return count;
}

// A value for each of `steps` steps and n neurons, or fewer that serve several.
template <typename Real>
Series<Real> series(const Real* value, std::int64_t rows, std::int64_t width, std::int64_t steps,
                    std::int64_t n) {
    require((rows == 1 || (rows >= steps && rows > 0)) && (width == 1 || width == n),
            "width of a drive");
    return {value, rows, width};
}

// What is recorded of a population, of which `rows` steps are recorded after this call.
template <ffi::DataType type>
void record(Operands<type>& operands, Sizes& sizes, bool fresh, std::int64_t rows,
            Population<ffi::NativeType<type>>& one) {
    using Real = ffi::NativeType<type>;
    const auto made = operands.template read<RecordedOperands>(sizes, fresh);
    const std::int64_t counted = sizes[Size::counted], rastered = sizes[Size::rastered];
    require(one.shows == 0 || sizes[Size::traced] >= rows, "traces");
    require(counted == 0 || counted == one.n, "counts");
    require(rastered == 0 || rastered >= rows, "raster");
    one.step = made.step;
    one.room = sizes[Size::room];
    one.neuron = made.neuron;
    one.total = made.spikes;
    one.events = fresh ? 0 : *made.spikes;
    require(one.events >= 0, "number of events");
    one.traces = made.traces;
    if (fresh) {
        std::fill_n(made.counts, counted, Real(0));
        std::fill_n(made.raster, rastered * one.n, Real(0));
    }
    if (counted > 0) one.counts = made.counts;
    if (rastered > 0 && one.n > 0) one.raster = made.raster;
}

template <ffi::DataType type>
Poisson<ffi::NativeType<type>> drawn(Operands<type>& operands) {
    Sizes sizes;
    const auto given = operands.template read<DrawnOperands>(sizes);
    const DriveKey key(given.key);
    const Key run{static_cast<std::uint32_t>(*key.first), static_cast<std::uint32_t>(*key.second)};
    const std::int64_t rows = sizes[Size::rows];
    return {fold_in(run, static_cast<std::uint32_t>(*key.number)), given.amplitude, given.coarse,
            given.fine, given.fine + rows, sizes[Size::coarse_rows], rows};
}

template <ffi::DataType type>
Population<ffi::NativeType<type>> population(Operands<type>& operands,
                                             const Structure::Population& of, double dt,
                                             const ClockWords& clock, bool fresh) {
    using Real = ffi::NativeType<type>;
    const std::int64_t variables = of.variables, synapses = of.synapses, steps = *clock.steps;
    const bool moves = of.instructions == 0 && of.source == 0;
    Sizes sizes{{Size::variables, variables}, {Size::synapses, synapses}};
    if (moves) {
        require(variables <= most_variables, "number of variables");
        sizes[Size::numbers] = LinearNumbers<Real>::size(variables, synapses);
        sizes[Size::whole] = LinearWhole::size(variables);
    }
    const auto given = operands.template read<PopulationOperands>(sizes);
    const std::int64_t n = sizes[Size::n];
    Population<Real> one(moves ? Kind<Real>(given.numbers, variables, synapses, given.whole,
                                            static_cast<Real>(dt))
                               : Kind<Real>(variables, synapses));
    one.probes = sizes[Size::probes];
    one.probed = given.probed;
    one.shows = sizes[Size::shows];
    one.shown = given.shown;
    require_between(one.probed, one.probes, 0, n, "neurons to record");
    require_between(one.shown, one.shows, 0, variables, "variables to record");
    if (of.instructions > 0) {
        const std::int64_t registers = Slots{variables, synapses, one.shows}.registers;
        require(sound(of.code, of.instructions, of.slots, sizes[Size::numbers]) &&
                    of.slots >= registers && of.slots <= registers + of.instructions, "program");
        one.machine = Machine<Real>(of.code, of.instructions, of.slots, given.numbers);
    } else if (moves) {
        require(one.kind.target >= 0 && one.kind.target < variables, "target");
    }
    one.counter = of.counters > 0;
    one.n = n;
    one.x = given.state;
    one.remaining = given.remaining;
    one.arriving = given.arriving;
    one.current = series(given.current, sizes[Size::current_steps], sizes[Size::current_width],
                         steps, n);
    one.delta = series(given.delta, sizes[Size::delta_steps], sizes[Size::delta_width], steps, n);
    for (std::int64_t s = 0; s < synapses; ++s) {
        Sizes own;
        const auto drive = operands.template read<DriveOperands>(own);
        one.driven.push_back(
            series(drive.driven, own[Size::drive_steps], own[Size::drive_width], steps, n));
    }
    if (of.source != 0) {
        require(synapses == 0, "a source, on which nothing acts");
        const auto spikes = operands.template read<SourceOperands>(sizes);
        one.listed = Timed{true, spikes.high, spikes.low, spikes.neuron, sizes[Size::spikes]};
    }
    one.drawn.resize(synapses + 1);
    for (const std::int64_t kind : of.drawn_kinds)
        one.drawn[kind == delta_input ? synapses : kind].push_back(drawn(operands));
    record(operands, sizes, fresh, *clock.kept + steps, one);
    return one;
}

// Weights that change, and the rules by which they do.
template <ffi::DataType type>
void learn(Operands<type>& operands, const Structure::Projection& of, Sizes& sizes,
           Synapses<ffi::NativeType<type>>& one) {
    using Real = ffi::NativeType<type>;
    const auto given = operands.template read<PlasticOperands>(sizes);
    require_rows(given.start, one.n_post, sizes[Size::synapses]);
    one.by_post = {given.start, given.source, given.synapse};
    one.plastic = given.weight;
    one.weight = {one.plastic, false};
    for (const RuleHeader& rule : of.each_rule) {
        Sizes own{{Size::numbers, Rule<Real>::size(rule.before, rule.behind)},
                  {Size::traces, rule.before * one.n_pre + rule.behind * one.n_post}};
        const auto its = operands.template read<RuleOperands>(own);
        one.rules.emplace_back(its.numbers, rule.before, rule.behind, its.traces, one.n_pre,
                               one.n_post);
    }
}

template <ffi::DataType type>
Synapses<ffi::NativeType<type>> projection(
    Operands<type>& operands, const Structure::Projection& of,
    const std::vector<Population<ffi::NativeType<type>>>& populations) {
    using Real = ffi::NativeType<type>;
    const std::int64_t n_pre = populations[of.pre].n, n_post = populations[of.post].n;
    Sizes sizes = sizes_of(of, n_pre, n_post);
    const auto given = operands.template read<ProjectionOperands>(sizes);
    require_synapses(of, sizes, given.start);
    Synapses<Real> one{of.pre, of.post, of.kind, n_pre, n_post, given.start, given.target,
                       {given.weight, sizes[Size::weights] == 1}, sizes[Size::depth],
                       of.delays == delays_each ? given.delay : nullptr, given.ring};
    if (of.rules > 0) learn(operands, of, sizes, one);
    return one;
}

template <ffi::DataType type>
ffi::Error run(ffi::RemainingArgs from, ffi::RemainingRets to, ffi::Span<const std::int64_t> span,
               double dt) {
    using Real = ffi::NativeType<type>;
    return guarded([&] {
        const Structure structure(span);
        Operands<type> operands(from, to, needed(structure));
        Sizes sizes;
        const auto call = operands.template read<CallOperands>(sizes);
        const ClockWords clock(call.clock);
        std::vector<Population<Real>> populations;
        for (const auto& of : structure.populations)
            populations.push_back(
                population(operands, of, dt, clock, structure.call.fresh != 0));
        std::vector<Synapses<Real>> projections;
        for (const auto& of : structure.projections)
            projections.push_back(projection(operands, of, populations));
        *call.done = static_cast<std::int32_t>(
            run_steps(populations, projections, first_step(clock), *clock.steps, *clock.kept));
        for (const Population<Real>& p : populations)
            p.total[0] = static_cast<std::int32_t>(p.events);
    });
}

}  // namespace

RHEOBASE_CALL(run);
