// Spikes times dense weights, as custom calls of XLA on a CPU: the rows of what spiked are added.
#include <algorithm>
#include <cstdint>

#include "batch.h"
#include "delivery.h"
#include "kind.h"

namespace {

using namespace rheobase;

template <typename Real>
RHEOBASE_WIDE void add_row(const Real* row, Real factor, std::int64_t n, Real* out) {
    RHEOBASE_INDEPENDENT
    for (std::int64_t j = 0; j < n; ++j) out[j] += factor * row[j];
}

// arrived[b, j] = sum of spikes[b, i] weight[i, j]
template <ffi::DataType type>
ffi::Error spike_product(Reals<type> spikes, Reals<type> weight, Result<type> arrived) {
    const Batch batch(arrived->dimensions(), 2);
    const Dimensions shape = arrived->dimensions().last(2);
    const std::int64_t rows = shape[0], post = shape[1];
    RHEOBASE_REQUIRE(spikes.dimensions().size() >= 2, "spike_product");
    const std::int64_t pre = spikes.dimensions().back();
    RHEOBASE_REQUIRE(batch.takes(spikes, {rows, pre}) && batch.takes(weight, {pre, post}),
                     "spike_product");
    std::fill_n(arrived->typed_data(), arrived->element_count(), Real<type>(0));
    for (std::int64_t member = 0; member < batch.size(); ++member) {
        const Real<type>* given = batch.at(member, spikes);
        const Real<type>* weights = batch.at(member, weight);
        Real<type>* out = batch.at(member, *arrived);
        for (std::int64_t b = 0; b < rows; ++b)
            for_each_spike(given + b * pre, pre, [&](std::int64_t i, Real<type> spike) {
                add_row(weights + i * post, spike, post, out + b * post);
            });
    }
    return ffi::Error::Success();
}

// change[i, j] = sum of spikes[b, i] cotangent[b, j]
template <ffi::DataType type>
ffi::Error spike_outer(Reals<type> spikes, Reals<type> cotangent, Result<type> change) {
    const Batch batch(change->dimensions(), 2);
    const Dimensions shape = change->dimensions().last(2);
    RHEOBASE_REQUIRE(spikes.dimensions().size() >= 2, "spike_outer");
    const std::int64_t pre = shape[0], post = shape[1], rows = spikes.dimensions().last(2)[0];
    RHEOBASE_REQUIRE(batch.takes(spikes, {rows, pre}) && batch.takes(cotangent, {rows, post}),
                     "spike_outer");
    std::fill_n(change->typed_data(), change->element_count(), Real<type>(0));
    for (std::int64_t member = 0; member < batch.size(); ++member) {
        const Real<type>* given = batch.at(member, spikes);
        const Real<type>* back = batch.at(member, cotangent);
        Real<type>* out = batch.at(member, *change);
        for (std::int64_t b = 0; b < rows; ++b)
            for_each_spike(given + b * pre, pre, [&](std::int64_t i, Real<type> spike) {
                add_row(back + b * post, spike, post, out + i * post);
            });
    }
    return ffi::Error::Success();
}

}  // namespace

RHEOBASE_KERNEL(spike_product);
RHEOBASE_KERNEL(spike_outer);
