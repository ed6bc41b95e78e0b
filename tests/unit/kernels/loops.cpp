// The loops of delivery.h and plasticity.h on random rows, against plain sums; run under sanitizers by test_loops.py.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <random>
#include <vector>

#include "expect.h"
#include "delivery.h"
#include "plasticity.h"

namespace {

using rheobase::Later;
using rheobase::Now;
using rheobase::Weights;

// What a loop at `place` must give, for one weight each or one for all.
template <typename Real, typename Place>
void check(const std::vector<Real>& spikes, const std::vector<std::int32_t>& start, Place place,
           std::size_t places, bool shared, std::mt19937& random) {
    const auto n = static_cast<std::int64_t>(spikes.size());
    const std::size_t synapses = start.back();
    std::normal_distribution<Real> normal;
    const auto draw = [&](std::size_t size) {
        std::vector<Real> values(size);
        for (Real& value : values) value = normal(random);
        return values;
    };
    const std::vector<Real> weight = draw(shared ? 1 : synapses), cotangent = draw(places);
    std::vector<Real> arrived = draw(places), worth(spikes.size()), change(weight.size());
    std::vector<Real> arrived_sum = arrived, worth_sum = worth, change_sum = change;
    for (std::size_t i = 0; i < spikes.size(); ++i)
        for (std::int64_t k = start[i]; k < start[i + 1]; ++k) {
            const std::size_t w = shared ? 0 : k, p = place(k);
            arrived_sum[p] += spikes[i] * weight[w];
            worth_sum[i] += weight[w] * cotangent[p];
            change_sum[w] += spikes[i] * cotangent[p];
        }
    const Weights<Real> weights{weight.data(), shared};
    rheobase::deliver(spikes.data(), n, start.data(), place, weights, arrived.data());
    rheobase::gather(cotangent.data(), n, start.data(), place, weights, worth.data());
    rheobase::outer(spikes.data(), n, start.data(), place, cotangent.data(), shared, change.data());
    expect_equal("deliver", arrived, arrived_sum);
    expect_equal("gather", worth, worth_sum);
    expect_equal("outer", change, change_sum);
}

// Weights and eligibilities after the spikes of both sides and a reward, each synapse by itself.
template <typename Real>
void check_changes(const std::vector<Real>& spikes, const std::vector<std::int32_t>& start,
                   const std::vector<std::int32_t>& target, std::int64_t n_post, Real mu,
                   std::mt19937& random) {
    const auto n_pre = static_cast<std::int64_t>(spikes.size());
    const std::size_t synapses = target.size();
    std::uniform_real_distribution<Real> uniform(0, 1);
    const auto draw = [&](std::size_t size) {
        std::vector<Real> values(size);
        for (Real& value : values) value = uniform(random);
        return values;
    };
    std::vector<Real> weight = draw(synapses), value = draw(synapses);
    std::vector<Real> other_post = draw(n_post), other_pre = draw(n_pre), behind = draw(n_post);
    for (Real& spike : behind) spike = spike < Real(0.3) ? spike : Real(0);
    std::vector<std::int32_t> touched(synapses), source(synapses), order, first{0}, sources;
    for (std::int64_t i = 0; i < n_pre; ++i)
        for (std::int64_t k = start[i]; k < start[i + 1]; ++k) source[k] = i;
    for (std::int64_t j = 0; j < n_post; ++j) {
        for (std::size_t k = 0; k < synapses; ++k)
            if (target[k] == j) order.push_back(k), sources.push_back(source[k]);
        first.push_back(order.size());
    }
    for (auto& step : touched) step = std::numeric_limits<std::int32_t>::max() - random() % 9;
    const std::int32_t now = std::numeric_limits<std::int32_t>::min();  // the counter turned over
    const Real five[] = {Real(0.1), Real(0.9), Real(1.1), Real(-0.8), mu}, rate = Real(0.05);
    const rheobase::Course<Real> course(five);
    const auto factor = [&](Real w) { return std::pow((w - Real(1.1)) * Real(-0.8), mu); };

    std::vector<Real> weights = weight, values = value;
    const auto age = [&](std::size_t k) {
        return Real(1 + (std::numeric_limits<std::int32_t>::max() - touched[k]));
    };
    for (std::size_t k = 0; k < synapses; ++k) {
        const Real before = spikes[source[k]], after = behind[target[k]];
        Real& w = weights[k];
        const auto inside = [](Real x) { return std::min(std::max(x, Real(0.1)), Real(0.9)); };
        if (before != 0) w = inside(w + before * other_post[target[k]] * factor(w));
        if (after != 0) w = inside(w + after * other_pre[source[k]] * factor(w));
        values[k] *= std::exp(-rate * age(k));
        if (before != 0) values[k] += before * other_post[target[k]] * factor(w);
        if (after != 0) values[k] += after * other_pre[source[k]] * factor(w);
        w = inside(w + Real(0.5) * values[k]);
    }
    const rheobase::InOrder row;
    const rheobase::Listed column{order.data()};
    const rheobase::Eligibility<Real> e{value.data(), touched.data(), now, rate};
    rheobase::change(spikes.data(), n_pre, start.data(), target.data(), row, other_post.data(),
                     course, weight.data());
    rheobase::change(behind.data(), n_post, first.data(), sources.data(), column, other_pre.data(),
                     course, weight.data());
    rheobase::mark(spikes.data(), n_pre, start.data(), target.data(), row, other_post.data(),
                   course, weight.data(), e);
    rheobase::mark(behind.data(), n_post, first.data(), sources.data(), column, other_pre.data(),
                   course, weight.data(), e);
    rheobase::reap(Real(0.5), synapses, course, weight.data(), e);
    expect_equal("weight", weight, weights);
    expect_equal("eligibility", value, values);
}

template <typename Real>
void check_rows(std::int64_t n_pre, std::int64_t n_post, std::int32_t most, double rate,
                std::mt19937& random) {
    const auto below = [&](std::int64_t end) { return static_cast<std::int32_t>(random() % end); };
    std::vector<std::int32_t> start{0}, target, delay;
    std::vector<Real> spikes(n_pre);
    for (Real& spike : spikes) {
        if (random() < rate * double(random.max())) spike = Real(1) + Real(0.5) * below(2);
        else if (below(2)) spike = Real(-0.0);
        start.push_back(start.back() + below(most + 1));
    }
    const std::int64_t depth = 1 + below(5);
    for (std::int32_t k = 0; k < start.back(); ++k) {
        target.push_back(below(n_post));
        delay.push_back(below(3) ? below(depth) : static_cast<std::int32_t>(random()));
    }
    const Later later{target.data(), delay.data(), below(depth), depth, n_post};
    for (Real mu : {Real(0), Real(0.4), Real(1)})
        check_changes(spikes, start, target, n_post, mu, random);
    for (bool shared : {false, true}) {
        check(spikes, start, Now{target.data()}, n_post, shared, random);
        check(spikes, start, later, depth * n_post, shared, random);
    }
}

}  // namespace

int main() {
    std::mt19937 random(0);
    for (std::int64_t n_pre : {0, 1, 31, 32, 33, 64, 200})
        for (std::int32_t most : {0, 1, 9, 40})
            for (double rate : {0.0, 0.02, 1.0}) {
                check_rows<float>(n_pre, 1 + random() % 50, most, rate, random);
                check_rows<double>(n_pre, 1 + random() % 50, most, rate, random);
            }
    return failures != 0;
}
