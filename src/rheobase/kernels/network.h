// Many steps of a network of integrate-and-fire neurons whose variables move linearly.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "delivery.h"
#include "linear.h"
#include "poisson.h"
#include "program.h"
#include "rules.h"

namespace rheobase {

// Neurons that are advanced at a time: their state stays in the nearest cache.
constexpr std::int64_t block = most_drawn;

// Spikes that are given, in the order of their steps.
struct Timed {
    bool given = false;
    const std::uint32_t *high = nullptr, *low = nullptr;  // words of the number of the step
    const std::int32_t* neuron = nullptr;
    std::int64_t spikes = 0;

    std::int64_t step(std::int64_t k) const {
        return static_cast<std::int64_t>(static_cast<std::uint64_t>(high[k]) << 32 | low[k]);
    }
    // The first spike that is not before a step.
    std::int64_t from(std::int64_t number) const {
        std::int64_t first = 0, last = spikes;
        while (first < last) {
            const std::int64_t middle = first + (last - first) / 2;
            if (step(middle) < number) first = middle + 1;
            else last = middle;
        }
        return first;
    }
};

// A population of a network; all arrays belong to the caller.
template <typename Real>
class Population {
  public:
    explicit Population(const Kind<Real>& kind) : kind(kind) {}

    Kind<Real> kind;
    std::int64_t n = 0;
    Real* x = nullptr;                  // (D, n)
    std::int32_t* remaining = nullptr;  // (n), steps that it is still held
    Real* arriving = nullptr;           // (synapses + 1, n), the last of them delta inputs
    Series<Real> current{}, delta{};
    std::vector<Series<Real>> driven{};  // of each kind of synapse
    std::vector<std::vector<Poisson<Real>>> drawn{};  // the same, the last of them delta inputs
    std::int32_t *step = nullptr, *neuron = nullptr;  // events, (room)
    std::int64_t room = 0, events = 0;
    std::int32_t* total = nullptr;  // (1), where their number is left
    const std::int32_t *probed = nullptr, *shown = nullptr;  // neurons and variables to record
    std::int64_t probes = 0, shows = 0;
    Real* traces = nullptr;  // (steps, shows, probes)
    Real *counts = nullptr, *raster = nullptr;  // (n), (steps, n), where they are wanted
    bool kicks = false;      // whether a synapse adds to `target` at once
    std::vector<std::int32_t> fired{};
    Machine<Real> machine{};  // where a program says what a step does, not the numbers of `kind`
    Timed listed{};           // of a source, which has no neurons that move
    std::int64_t next = -1;   // the first of its spikes that is still to come
    bool counter = false;     // whether that program has a counter

    void begin() {
        if (listed.given) {
            drawn.resize(kind.synapses + 1);
            return;
        }
        if (machine.given()) {
            reached.assign(shows * n, Real(0));
        } else {
            rule = advance_of(kind);
            simple = kind.simple();
        }
        input.assign(block, Real(0));
        kick.assign(block, Real(0));
        coming.assign(kind.synapses, {});
        drawn.resize(kind.synapses + 1);
        for (Coming& c : coming) c.anywhere = true;  // what is on its way at the beginning
    }

    // Synapses have put weights at these targets, of which the next step takes note.
    void touch(std::int64_t synapse, const std::int32_t* first, const std::int32_t* last) {
        if (synapse == kind.synapses || first == last || machine.given()) return;
        coming[synapse].rows.push_back({first, last});
        coming[synapse].targets += last - first;
    }

    // The same where they may be anywhere.
    void touch(std::int64_t synapse) {
        if (synapse < kind.synapses) coming[synapse].anywhere = true;
    }

    // Step `now` of a call and `number` of the run, the `kept`th of the recording; leaves in `fired`
    // the neurons that fired.
    void advance(std::int64_t now, std::int64_t number, std::int64_t kept) {
        fired.clear();
        if (listed.given) {
            if (next < 0) next = listed.from(number);
            for (; next < listed.spikes && listed.step(next) == number; ++next) {
                const std::int32_t i = listed.neuron[next];
                if (i < 0 || i >= n) continue;
                fired.push_back(i);
                note(i, kept);
            }
            return;
        }
        if (machine.given()) {
            carry_out(now, number);
            show(kept, reached.data(), nullptr);
            for (const std::int32_t i : fired) note(i, kept);
            return;
        }
        for (std::int64_t s = 0; s < kind.synapses; ++s) {
            coming[s].anywhere |= driven[s].given() || !drawn[s].empty() ||
                                  4 * coming[s].targets > n || !jumps_by_one(s);
            if (!coming[s].anywhere) arrive(s);
        }
        const bool kicked = kicks || delta.width > 1 || !drawn[kind.synapses].empty();
        const bool lean = simple && !kicked && current.width == 1 && delta.at(now)[0] == Real(0);
        if (current.width == 1) fill(input, current.at(now)[0]);
        if (!kicked) fill(kick, delta.at(now)[0]);
        for (std::int64_t first = 0; first < n; first += block) {
            const std::int64_t m = std::min(block, n - first);
            for (std::int64_t s = 0; s < kind.synapses; ++s)
                if (coming[s].anywhere) arrive(s, now, number, first, m);
            if (kicked) take_kicks(now, number, first, m);
            const Real* in = current.width == 1 ? input.data() : current.at(now) + first;
            if (rule(kind, n, m, x + first, remaining + first, in, kick.data(), lean))
                collect(first, m);
        }
        for (Coming& c : coming) c.clear();
        show(kept, x, shown);
        reset(kept);
    }

  private:
    // A step by the program.
    void carry_out(std::int64_t now, std::int64_t number) {
        const std::int64_t D = kind.variables, S = kind.synapses;
        const Slots at{D, S, shows};
        if (current.width == 1) fill(input, current.at(now)[0]);
        const bool kicked = kicks || delta.given() || !drawn[S].empty();
        constexpr std::int64_t most = Machine<Real>::most;
        Real left[most];
        for (std::int64_t first = 0; first < n; first += most) {
            const std::int64_t m = std::min(most, n - first);
            for (std::int64_t d = 0; d < D; ++d) machine.slot(at.variables + d) = x + d * n + first;
            if (counter) {
                for (std::int64_t i = 0; i < m; ++i) left[i] = static_cast<Real>(remaining[first + i]);
                machine.slot(at.counter) = left;
            }
            for (std::int64_t s = 0; s < S; ++s) {
                add_drives(s, now, number, first, m);
                machine.slot(at.arriving + s) = arriving + s * n + first;
            }
            if (kicked) take_kicks(now, number, first, m);
            machine.slot(at.current) =
                current.width == 1 ? input.data() : const_cast<Real*>(current.at(now)) + first;
            machine.slot(at.delta) = kick.data();
            for (std::int64_t s = 0; s < shows; ++s)
                machine.slot(at.shown + s) = reached.data() + s * n + first;
            execute(machine, m);
            for (std::int64_t s = 0; s < S; ++s) std::fill_n(arriving + s * n + first, m, Real(0));
            if (counter)
                for (std::int64_t i = 0; i < m; ++i)  // also where it is no number
                    remaining[first + i] = static_cast<std::int32_t>(
                        left[i] > Real(0) ? std::min(left[i], Real(1 << 30)) : Real(0));
            const Real* spike = machine.slot(at.spike);
            for_each_spike(spike, m, [&](std::int64_t i, Real) {
                fired.push_back(static_cast<std::int32_t>(first + i));
            });
        }
    }

    // What adds to m neurons at once: delta synapses and drives.
    void take_kicks(std::int64_t now, std::int64_t number, std::int64_t first, std::int64_t m) {
        Real* from = arriving + kind.synapses * n + first;
        const Real* add = delta.at(now) + (delta.width > 1 ? first : 0);
        for (std::int64_t i = 0; i < m; ++i) kick[i] = from[i] + add[delta.width > 1 ? i : 0];
        std::fill_n(from, m, Real(0));
        draw(drawn[kind.synapses], number, first, m, kick.data());
    }

    // Where weights have been put for the next step.
    struct Coming {
        struct Row {
            const std::int32_t *first, *last;
        };
        std::vector<Row> rows{};
        std::int64_t targets = 0;
        bool anywhere = false;

        void clear() {
            rows.clear();
            targets = 0;
            anywhere = false;
        }
    };

    static void fill(std::vector<Real>& all, Real value) {
        if (all[0] != value) std::fill(all.begin(), all.end(), value);
    }

    // Adds those of m neurons that fire to `fired`; few do.
    void collect(std::int64_t first, std::int64_t m) {
        constexpr std::int64_t some = 64;
        for (std::int64_t begin = first; begin < first + m; begin += some) {
            const std::int64_t end = std::min(begin + some, first + m);
            std::int32_t any = 0;
            for (std::int64_t i = begin; i < end; ++i) any |= remaining[i];
            if (any >= 0) continue;
            for (std::int64_t i = begin; i < end; ++i)
                if (remaining[i] < 0) fired.push_back(static_cast<std::int32_t>(i));
        }
    }

    // Whether a weight of one adds one to some variables, so that no rounding depends on the way.
    bool jumps_by_one(std::int64_t s) const {
        const Real* jump = kind.arrive + s * kind.variables;
        return std::all_of(jump, jump + kind.variables,
                           [](Real j) { return j == Real(0) || j == Real(1); });
    }

    // The synapses of kind s take what has arrived at the targets of a few spikes: all of it at the
    // first visit of a target.
    void arrive(std::int64_t s) {
        std::int64_t places[most_variables], jumps = 0;
        for (std::int64_t d = 0; d < kind.variables; ++d)
            if (kind.arrive[s * kind.variables + d] != Real(0)) places[jumps++] = d * n;
        Real* from = arriving + s * n;
        for (const auto& row : coming[s].rows)
            for (const std::int32_t* j = row.first; j != row.last; ++j) {
                const Real weight = from[*j];
                from[*j] = Real(0);
                for (std::int64_t k = 0; k < jumps; ++k) x[places[k] + *j] += weight;
            }
    }

    // The synapses of kind s on m neurons take what has arrived.
    void arrive(std::int64_t s, std::int64_t now, std::int64_t number, std::int64_t first,
                std::int64_t m) {
        add_drives(s, now, number, first, m);
        const Real* jump = kind.arrive + s * kind.variables;
        std::int64_t last = kind.variables - 1;
        while (last > 0 && jump[last] == Real(0)) --last;
        for (std::int64_t d = 0; d <= last; ++d)
            if (jump[d] != Real(0) || d == last)
                take(m, jump[d], Real(d != last), arriving + s * n + first, x + d * n + first);
    }

    // The drives of the synapses of kind s on m neurons arrive.
    void add_drives(std::int64_t s, std::int64_t now, std::int64_t number, std::int64_t first,
                    std::int64_t m) {
        if (driven[s].given()) {
            const bool one = driven[s].width == 1;
            const Real* __restrict from = driven[s].at(now) + (one ? 0 : first);
            Real* __restrict to = arriving + s * n + first;
            for (std::int64_t i = 0; i < m; ++i) to[i] += from[one ? 0 : i];
        }
        draw(drawn[s], number, first, m, arriving + s * n + first);
    }

    static void draw(const std::vector<Poisson<Real>>& drives, std::int64_t number,
                     std::int64_t first, std::int64_t m, Real* out) {
        for (const Poisson<Real>& drive : drives)
            poisson(drive, key_of(drive.key, number),
                    static_cast<std::uint32_t>(first), m, out);
    }

    // Records variables: those of `from` that are listed, or all that are there.
    void show(std::int64_t kept, const Real* from, const std::int32_t* listed) {
        Real* out = traces + kept * shows * probes;
        for (std::int64_t s = 0; s < shows; ++s)
            for (std::int64_t k = 0; k < probes; ++k)
                *out++ = from[(listed == nullptr ? s : listed[s]) * n + probed[k]];
    }

    // Records the spike of a neuron.
    void note(std::int32_t i, std::int64_t kept) {
        if (events >= room) return;  // a source may list one neuron more than once
        step[events] = static_cast<std::int32_t>(kept);
        neuron[events++] = i;
        if (counts != nullptr) counts[i] += Real(1);
        if (raster != nullptr) raster[kept * n + i] = Real(1);
    }

    // Notes the neurons that fired and resets them.
    void reset(std::int64_t kept) {
        const std::int64_t variables = kind.variables;
        Real old[most_variables];
        for (const std::int32_t i : fired) {
            note(i, kept);
            remaining[i] = kind.period;
            for (std::int64_t d = 0; d < variables; ++d) old[d] = x[d * n + i];
            for (std::int64_t d = 0; d < variables; ++d) {
                Real y = kind.fresh[d];
                for (std::int64_t e = 0; e < variables; ++e)
                    y += kind.keep[d * variables + e] * old[e];
                x[d * n + i] = y;
            }
        }
    }

    Advance<Real> rule = nullptr;
    bool simple = false;
    std::vector<Real> input{}, kick{};
    std::vector<Real> reached{};  // (shows, n), of a program
    std::vector<Coming> coming{};
};

// Synapses between two populations.
template <typename Real>
struct Synapses {
    std::int64_t pre, post, kind, n_pre, n_post;
    const std::int32_t *start, *target;
    Weights<Real> weight;
    std::int64_t depth;         // steps of the ring; 0: no delay
    const std::int32_t* delay;  // of each synapse; none: `depth` for all
    Real* ring;                 // (depth, n_pre) spikes, or (depth, n_post) inputs with `delay`
    Columns by_post{};          // where there are rules
    Real* plastic = nullptr;    // the weights, where rules change them
    std::vector<Rule<Real>> rules{};
    std::vector<std::int32_t> late{};

    // Puts what acts in the step after step `number` to where it acts; then the rules learn.
    void send(std::int64_t number, const Population<Real>& from, Population<Real>& to) {
        const std::int64_t place = kind == delta_input ? to.kind.synapses : kind;
        if (delay != nullptr) {
            scatter(Later::modulo(number, depth), from.fired, place, to);
            return;
        }
        const std::vector<std::int32_t>& arrives = depth == 0 ? from.fired : late;
        if (depth > 0) {
            Real* slot = ring + Later::modulo(number, depth) * n_pre;
            late.clear();
            for_each_spike(slot, n_pre, [&](std::int64_t i, Real) {
                late.push_back(static_cast<std::int32_t>(i));
                slot[i] = Real(0);
            });
            for (const std::int32_t i : from.fired) slot[i] = Real(1);
        }
        for (const std::int32_t i : arrives) row(i, place, to);
        for (Rule<Real>& rule : rules)
            rule.step(start, target, by_post, arrives, to.fired, plastic);
    }

    // Delays that differ: puts spikes into the ring, and takes from it what arrives now.
    void scatter(std::int64_t slot, const std::vector<std::int32_t>& fired, std::int64_t place,
                 Population<Real>& to) {
        const Later ahead{target, delay, slot, depth, n_post};
        for (const std::int32_t i : fired)
            for (std::int64_t k = start[i]; k < start[i + 1]; ++k)
                ring[ahead(k)] += weight.shared ? weight.value[0] : weight.value[k];
        Real *now = ring + slot * n_post, *arriving = to.arriving + place * n_post;
        for (std::int64_t j = 0; j < n_post; ++j) arriving[j] += now[j];
        std::fill_n(now, n_post, Real(0));
        to.touch(place);
    }

    void row(std::int64_t i, std::int64_t place, Population<Real>& to) {
        Real* __restrict out = to.arriving + place * n_post;
        to.touch(place, target + start[i], target + start[i + 1]);
        if (weight.shared) {
            const Real jump = weight.value[0];
            for (std::int64_t k = start[i]; k < start[i + 1]; ++k) out[target[k]] += jump;
        } else {
            for (std::int64_t k = start[i]; k < start[i + 1]; ++k) out[target[k]] += weight.value[k];
        }
    }
};

// Up to `steps` steps from step `number`, of which the recordings hold `kept` before; ends early, by
// the number that it returns, where the events of one more step might not fit.
template <typename Real>
std::int64_t run_steps(std::vector<Population<Real>>& populations,
                       std::vector<Synapses<Real>>& synapses, std::int64_t number,
                 std::int64_t steps, std::int64_t kept) {
    for (Population<Real>& p : populations) p.begin();
    for (const Synapses<Real>& s : synapses)
        if (s.kind == delta_input) populations[s.post].kicks = true;
    for (std::int64_t now = 0; now < steps; ++now) {
        for (const Population<Real>& p : populations)
            if (p.events + p.n > p.room) return now;
        for (Population<Real>& p : populations) p.advance(now, number + now, kept + now);
        for (Synapses<Real>& s : synapses)
            s.send(number + now, populations[s.pre], populations[s.post]);
    }
    return steps;
}

}  // namespace rheobase
