// The steps of network.h on random networks, against plain loops; run under sanitizers by test_loops.py.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

#define RHEOBASE_WIDE  // functions for several processors do not go together with sanitizers
#include "network.h"
#include "program.cpp"

namespace {

using Rows = std::vector<std::int32_t>;

int failures = 0;

// One kind of leaky neuron with a decaying synapse, as numbers for network.h and in words.
struct Leaky {
    double decay, rest, drop, gain, reset = -60, threshold = -50;
    bool conducts;
    std::int32_t period, held[5];
    std::vector<double> numbers;

    Leaky(bool conducts, std::int32_t period)
        : decay(0.005), rest(-49), drop(0.02), gain(conducts ? -0.5 : 0), conducts(conducts),
          period(period), held{period, 0, 1, 0, 0} {
        const double into = conducts ? 0.0 : 0.1;
        const auto add = [this](std::initializer_list<double> some) {
            numbers.insert(numbers.end(), some);
        };
        add({decay * rest, 0});                    // shift
        add({0.1, 0});                             // entry of the current
        add({0, gain});                            // gain
        add({-decay, into});                       // rate
        add({0.1, 0});                             // margin
        add({reset, 0});                           // fresh
        add({decay * rest, -decay, 0.1});          // start
        add({-threshold * 0.1});                   // level
        add({1 - decay, into, 0, 1 - drop});       // move
        add({0, 0, 0, 1});                         // keep
        add({0, 1});                               // arrive
    }

    void step(double& v, double& g, double current, double kick, std::int32_t& left,
              bool& fires) const {
        const double slope = -decay + gain * g, old = v;
        const double f = decay * (rest - v) + 0.1 * current + gain * g * v;
        double next = conducts ? v + f * (slope == 0 ? 1 : std::expm1(slope) / slope)
                               : v + decay * (rest - v) + 0.1 * current + 0.1 * g;
        next += kick;
        g *= 1 - drop;
        v = left > 0 ? old : next;
        fires = left == 0 && v >= threshold;
        if (left > 0) --left;
        if (fires) {
            v = reset;
            left = period;
        }
    }
};

void check(bool conducts, std::int32_t period, int delays, bool delta, bool shared,
           std::mt19937& random) {
    const auto below = [&](std::int32_t limit) { return std::int32_t(random() % limit); };
    const std::int64_t n = 1 + below(1400), steps = 120, depth = delays == 0 ? 0 : 4;
    const Leaky leaky(conducts, period);
    Rows start{0}, target, delay;
    for (std::int64_t i = 0; i < n; ++i) {
        for (std::int32_t k = below(12); k > 0; --k) target.push_back(below(n));
        start.push_back(static_cast<std::int32_t>(target.size()));
    }
    for (std::size_t k = 0; k < target.size(); ++k) delay.push_back(1 + below(3));
    std::vector<double> weight(shared ? 1 : target.size());
    for (double& w : weight) w = (conducts ? 0.002 : 0.3) * (1 + below(3));
    std::vector<double> x(2 * n), current(n), arriving(2 * n), ring(depth * n);
    for (std::int64_t i = 0; i < n; ++i) {
        x[i] = -60 + 10 * (below(1000) / 1000.0);
        current[i] = 0.2 * below(5);
    }
    const double none = 0;
    Rows remaining(n), step(steps * n + n), neuron(steps * n + n), probed{0}, shown{0};
    std::vector<double> traces(steps);
    std::vector<double> v(x.begin(), x.begin() + n), g(n), kick(n), now(n), rings(depth * n);
    Rows left(n);
    long fired = 0;
    for (std::int64_t t = 0; t < steps; ++t) {
        std::vector<double> next_kick(n), next(n);
        std::vector<bool> spikes(n);
        for (std::int64_t i = 0; i < n; ++i) {
            bool fires = false;
            g[i] += now[i];
            leaky.step(v[i], g[i], current[i], kick[i], left[i], fires);
            spikes[i] = fires;
            fired += fires;
        }
        std::vector<double>& to = delta ? next_kick : next;
        for (std::int64_t i = 0; i < n; ++i)
            for (std::int64_t k = start[i]; k < start[i + 1]; ++k) {
                const double w = weight[shared ? 0 : k];
                const double late = delays == 1 ? rings[(t % depth) * n + i] : double(spikes[i]);
                if (delays == 2) rings[((t + delay[k]) % depth) * n + target[k]] += w * late;
                else to[target[k]] += w * late;
            }
        if (delays == 1)
            for (std::int64_t i = 0; i < n; ++i) rings[(t % depth) * n + i] = spikes[i];
        if (delays == 2)
            for (std::int64_t i = 0; i < n; ++i) {
                to[i] += rings[(t % depth) * n + i];
                rings[(t % depth) * n + i] = 0;
            }
        now = next;
        kick = next_kick;
    }

    std::vector<rheobase::Population<double>> populations;
    rheobase::Population<double> one(
        rheobase::Kind<double>(leaky.numbers.data(), 2, 1, leaky.held, 1.0));
    one.n = n;
    one.x = x.data();
    one.remaining = remaining.data();
    one.arriving = arriving.data();
    one.current = {current.data(), 1, n};
    one.delta = {&none, 1, 1};
    one.driven = {{&none, 1, 1}};
    one.step = step.data();
    one.neuron = neuron.data();
    one.room = 50 + n;
    one.probed = probed.data();
    one.shown = shown.data();
    one.probes = one.shows = 1;
    one.traces = traces.data();
    populations.push_back(one);
    std::vector<rheobase::Synapses<double>> synapses{
        {0, 0, delta ? -1 : 0, n, n, start.data(), target.data(), {weight.data(), shared}, depth,
         delays == 2 ? delay.data() : nullptr, ring.data()}};
    long events = 0;
    for (std::int64_t done = 0; done < steps;) {
        populations[0].events = 0;
        done += rheobase::run_steps(populations, synapses, done, steps - done, 0);
        events += populations[0].events;
    }
    if (events != fired || fired == 0) {
        std::printf("%ld events, expected %ld\n", events, fired);
        ++failures;
    }
    for (std::int64_t i = 0; i < n; ++i)
        if (std::abs(x[i] - v[i]) > 1e-9 || std::abs(x[n + i] - g[i]) > 1e-9) {
            std::printf("neuron %ld: %g %g, expected %g %g\n", long(i), x[i], x[n + i], v[i], g[i]);
            ++failures;
            return;
        }
}

}  // namespace

int main() {
    std::mt19937 random(0);
    for (bool conducts : {false, true})
        for (std::int32_t period : {0, 7})
            for (int delays : {0, 1, 2})
                for (bool delta : {false, true})
                    for (bool shared : {false, true})
                        check(conducts, period, delays, delta, shared, random);
    return failures != 0;
}
