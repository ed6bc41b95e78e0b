// The rules of rules.h, each synapse by itself, and the numbers of poisson.h; run under sanitizers by test_loops.py.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

#include "expect.h"
#include "poisson.h"
#include "rules.h"

namespace {

using rheobase::Key;

void expect(const char* what, bool holds) {
    if (holds) return;
    std::printf("%s\n", what);
    ++failures;
}

// Steps of a rule with `pre` and `post` traces. `alone`: the other end has one trace as its factor.
template <typename Real>
void check_rule(std::int64_t pre, std::int64_t post, bool alone, Real mu, std::mt19937& random) {
    const std::int64_t n_pre = 7, n_post = 5;
    std::uniform_real_distribution<Real> uniform(0, 1);
    std::bernoulli_distribution often(0.6), seldom(0.3);
    std::vector<std::int32_t> start{0}, target, source, first(n_post + 1), sources, order;
    for (std::int32_t i = 0; i < n_pre; ++i) {
        for (std::int32_t j = 0; j < n_post; ++j)
            if (often(random)) target.push_back(j), source.push_back(i);
        start.push_back(static_cast<std::int32_t>(target.size()));
    }
    for (std::int32_t j = 0; j < n_post; ++j) {
        for (std::size_t k = 0; k < target.size(); ++k)
            if (target[k] == j) sources.push_back(source[k]), order.push_back(static_cast<std::int32_t>(k));
        first[j + 1] = static_cast<std::int32_t>(order.size());
    }
    // for each end decay (traces), own (1 + traces), other (1 + others), keep, add, course
    std::vector<Real> numbers;
    for (const auto& [own, other] : {std::pair{pre, post}, std::pair{post, pre}}) {
        for (std::int64_t k = 0; k < own; ++k) numbers.push_back(Real(0.5) + uniform(random) / 2);
        for (std::int64_t k = 0; k < 1 + own; ++k) numbers.push_back(uniform(random) - Real(0.5));
        numbers.push_back(alone ? Real(0) : uniform(random));
        for (std::int64_t k = 0; k < other; ++k)
            numbers.push_back(alone && k > 0 ? Real(0) : uniform(random));
        for (std::int64_t k = 0; k < own; ++k) numbers.push_back(k % 2 ? Real(0) : Real(1));
        for (std::int64_t k = 0; k < own; ++k) numbers.push_back(Real(1));
        for (const Real x : {Real(0), Real(1), Real(1.1), Real(-1 / 1.3), mu}) numbers.push_back(x);
    }
    std::vector<Real> traces(pre * n_pre + post * n_post), weight(target.size());
    for (Real& w : weight) w = uniform(random);
    std::vector<Real> own_traces = traces, own_weight = weight;
    rheobase::Rule<Real> rule(numbers.data(), pre, post, traces.data(), n_pre, n_post);

    const auto factor = [&](Real w) {
        const Real distance = std::max((w - Real(1.1)) * Real(-1 / 1.3), Real(0));
        return mu == 0 ? Real(1) : std::pow(distance, mu);
    };
    // The spikes of one end: changes of their synapses, then their traces.
    const auto act = [&](const Real* at, std::int64_t own, std::int64_t other, Real* x, std::int64_t n,
                         const Real* y, std::int64_t n_other, const std::vector<std::int32_t>& spikes,
                         const std::vector<std::int32_t>& mine, const std::vector<std::int32_t>& theirs) {
        const auto sum = [](const Real* by, std::int64_t count, const Real* of, std::int64_t n, std::int64_t i) {
            Real total = by[0];
            for (std::int64_t k = 0; k < count; ++k) total += by[1 + k] * of[k * n + i];
            return total;
        };
        for (const std::int32_t i : spikes)
            for (std::size_t k = 0; k < mine.size(); ++k)
                if (mine[k] == i) {
                    Real& w = own_weight[k];
                    const Real change = sum(at, own, x, n, i) * sum(at + 1 + own, other, y, n_other, theirs[k]);
                    w = std::min(std::max(w + change * factor(w), Real(0)), Real(1));
                }
        const Real *keep = at + 2 + own + other, *add = keep + own;
        for (const std::int32_t i : spikes)
            for (std::int64_t k = 0; k < own; ++k) x[k * n + i] = keep[k] * x[k * n + i] + add[k];
    };
    for (int step = 0; step < 20; ++step) {
        std::vector<std::int32_t> late, fired;
        for (std::int32_t i = 0; i < n_pre; ++i)
            if (seldom(random)) late.push_back(i);
        for (std::int32_t j = 0; j < n_post; ++j)
            if (seldom(random)) fired.push_back(j);
        rule.step(start.data(), target.data(), {first.data(), sources.data(), order.data()}, late, fired,
                  weight.data());
        Real *x = own_traces.data(), *y = x + pre * n_pre;
        const Real *on_pre = numbers.data(), *on_post = on_pre + 7 + 4 * pre + post;
        for (std::int64_t k = 0; k < pre * n_pre; ++k) x[k] *= on_pre[k / n_pre];
        for (std::int64_t k = 0; k < post * n_post; ++k) y[k] *= on_post[k / n_post];
        act(on_pre + pre, pre, post, x, n_pre, y, n_post, late, source, target);
        act(on_post + post, post, pre, y, n_post, x, n_pre, fired, target, source);
    }
    expect_equal("traces", traces, own_traces);
    expect_equal("weights", weight, own_weight);
}

template <typename Real>
void check_poisson() {
    const double mean = 1.7;
    // P(more than 0, 1, ... of them) in units of 2^-32, and in units of 2^-64 by words.
    std::vector<std::uint32_t> coarse, high, low;
    double probability = std::exp(-mean), more = 1;
    for (int k = 0; k < 12; ++k) {
        more -= probability;
        probability *= mean / (k + 1);
        coarse.push_back(static_cast<std::uint32_t>(std::round(std::ldexp(more, 32))));
        const auto fine = static_cast<std::uint64_t>(std::ldexp(more, 64));
        high.push_back(static_cast<std::uint32_t>(fine >> 32));
        low.push_back(static_cast<std::uint32_t>(fine));
    }
    const Real amplitude = 2;
    const auto rows = std::int64_t(coarse.size());
    const rheobase::Poisson<Real> drive{{3, 4}, &amplitude, coarse.data(), high.data(), low.data(),
                                        rows, rows};
    double total = 0, squares = 0;
    const int steps = 200, n = 300;
    for (int step = 0; step < steps; ++step) {
        const Key key = rheobase::fold_in(drive.key, step);
        std::vector<Real> whole(n), parts(n);
        rheobase::poisson(drive, key, 0, n, whole.data());
        rheobase::poisson(drive, key, 0, 100, parts.data());
        rheobase::poisson(drive, key, 100, n - 100, parts.data() + 100);
        expect("numbers depend on who draws beside", whole == parts);
        for (const Real x : whole) total += x / amplitude, squares += x * x / amplitude / amplitude;
    }
    const double found = total / (steps * n), variance = squares / (steps * n) - found * found;
    expect("mean of Poisson numbers", std::abs(found - mean) < 0.03);
    expect("variance of Poisson numbers", std::abs(variance - mean) < 0.06);
}

template <typename Real>
void check_all(std::mt19937& random) {
    for (const Real mu : {Real(0), Real(0.4), Real(1)})
        for (const bool alone : {false, true}) {
            check_rule<Real>(1, 1, alone, mu, random);
            check_rule<Real>(2, 2, alone, mu, random);
            check_rule<Real>(1, 2, alone, mu, random);
        }
    check_poisson<Real>();
}

}  // namespace

int main() {
    // Known answers of threefry2x32 with 20 rounds, from Random123 (Salmon et al. 2011, SC'11).
    const Key zero = rheobase::threefry({0, 0}, {0, 0});
    expect("threefry of zeros", zero.first == 0x6B200159u && zero.second == 0x99BA4EFEu);
    const Key ones = rheobase::threefry({~0u, ~0u}, {~0u, ~0u});
    expect("threefry of ones", ones.first == 0x1CB996FCu && ones.second == 0xBB002BE7u);
    std::mt19937 random(1);
    check_all<float>(random);
    check_all<double>(random);
    return failures != 0;
}
