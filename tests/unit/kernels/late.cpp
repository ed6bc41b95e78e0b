// The loops of late.h on random weights and slots, against plain sums; run under sanitizers by test_loops.py.
#include <cstdint>
#include <random>
#include <vector>

#include "expect.h"
#include "late.h"

namespace {

// Columns side by side, as late.py lays them out; those beyond the last are zero.
template <typename Value>
std::vector<Value> columns(const std::vector<Value>& x, std::int64_t pre, std::int64_t post) {
    const std::int64_t beside = rheobase::beside, blocks = (post + beside - 1) / beside;
    std::vector<Value> laid(blocks * pre * beside);
    for (std::int64_t i = 0; i < pre; ++i)
        for (std::int64_t j = 0; j < post; ++j)
            laid[(j / beside * pre + i) * beside + j % beside] = x[i * post + j];
    return laid;
}

// Some samples through some steps, there and back.
template <typename Real>
void check(std::int64_t pre, std::int64_t post, std::int32_t depth, std::int64_t samples,
           std::int64_t steps, double rate, std::mt19937& random) {
    std::normal_distribution<Real> normal;
    std::bernoulli_distribution fires(rate);
    const auto draw = [&](std::size_t size) {
        std::vector<Real> values(size);
        for (Real& value : values) value = normal(random);
        return values;
    };
    const std::vector<Real> early = draw(pre * post), late = draw(pre * post);
    std::vector<std::int32_t> slot(pre * post);
    for (std::int32_t& s : slot) s = std::uniform_int_distribution<std::int32_t>(0, depth - 2)(random);
    std::vector<Real> spikes(steps * samples * pre);
    for (Real& spike : spikes) spike = fires(random) ? normal(random) : Real(0);
    const std::int64_t rows = steps + depth - 1;
    const std::vector<Real> cotangent = draw(rows * samples * post);

    // What arrives after the first step, and the derivatives of its product with the cotangents.
    std::vector<Real> arrived(rows * samples * post), worth(spikes.size());
    std::vector<Real> early_change(pre * post), late_change(pre * post);
    for (std::int64_t t = 0; t < steps; ++t)
        for (std::int64_t b = 0; b < samples; ++b)
            for (std::int64_t i = 0; i < pre; ++i)
                for (std::int64_t j = 0; j < post; ++j) {
                    const std::int64_t k = i * post + j, from = (t * samples + b) * pre + i;
                    const std::int64_t one = ((t + slot[k]) * samples + b) * post + j;
                    const std::int64_t two = one + samples * post;
                    arrived[one] += spikes[from] * early[k];
                    arrived[two] += spikes[from] * late[k];
                    worth[from] += early[k] * cotangent[one] + late[k] * cotangent[two];
                    early_change[k] += spikes[from] * cotangent[one];
                    late_change[k] += spikes[from] * cotangent[two];
                }

    const rheobase::Late<Real> there{early.data(), late.data(), slot.data(), pre, post, depth};
    std::vector<Real> rings(samples * depth * post), got(steps * samples * post);
    for (std::int64_t t = 0; t < steps; ++t)
        for (std::int64_t b = 0; b < samples; ++b)
            rheobase::push(there, spikes.data() + (t * samples + b) * pre,
                           static_cast<std::int32_t>(t % depth), rings.data() + b * depth * post,
                           got.data() + (t * samples + b) * post);
    arrived.resize(got.size());
    expect_equal("push", got, arrived);

    const std::vector<Real> laid_early = columns(early, pre, post), laid_late = columns(late, pre, post);
    const std::vector<std::int32_t> laid_slot = columns(slot, pre, post);
    const rheobase::Late<Real> back{laid_early.data(), laid_late.data(), laid_slot.data(), pre, post, depth};
    std::vector<Real> ring(post * depth * samples), pulled(samples * pre);
    // Cotangents of what arrives after the last step are on the way already.
    for (std::int64_t t = rows - 1; t >= 0; --t) {
        rheobase::pull(back, cotangent.data() + t * samples * post, samples,
                       static_cast<std::int32_t>(t % depth), ring.data(), pulled.data());
        if (t >= steps) continue;
        const auto first = worth.begin() + t * samples * pre;
        expect_equal("pull", pulled, std::vector<Real>(first, first + samples * pre));
    }

    std::vector<Real> early_got(pre * post), late_got(pre * post);
    rheobase::change(there, spikes.data(), cotangent.data(), steps, samples, early_got.data(), late_got.data());
    expect_equal("early", early_got, early_change);
    expect_equal("late", late_got, late_change);
}

template <typename Real>
void check_all(std::mt19937& random) {
    check<Real>(1, 1, 2, 1, 3, 1.0, random);
    check<Real>(5, 16, 3, 8, 9, 0.4, random);
    check<Real>(33, 17, 6, 19, 11, 0.2, random);
    check<Real>(7, 70, 4, 75, 5, 0.3, random);
    check<Real>(40, 9, 20, 4, 70, 0.05, random);
}

}  // namespace

int main() {
    std::mt19937 random(1);
    check_all<float>(random);
    check_all<double>(random);
    return failures != 0;
}
