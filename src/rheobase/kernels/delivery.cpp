// The loops of delivery.h as custom calls of XLA on a CPU, in float32 and float64.
#include "delivery.h"

#include <algorithm>
#include <cstdint>

#include "batch.h"

namespace {

using namespace rheobase;

template <ffi::DataType type>
rheobase::Weights<Real<type>> weights(const Batch& batch, std::int64_t member,
                                      const Reals<type>& weight) {
    return {batch.at(member, weight), weight.dimensions().back() == 1};
}

template <ffi::DataType type>
rheobase::Later later(const Batch& batch, std::int64_t member, const Ints& target,
                      const Ints& delay, const Ints& slot, const Reals<type>& ring) {
    const Dimensions shape = ring.dimensions().last(2);
    const std::int64_t now = rheobase::Later::modulo(*batch.at(member, slot), shape[0]);
    return {batch.at(member, target), batch.at(member, delay), now, shape[0], shape[1]};
}

// Whether these are rows of synapses of `n_pre` neurons, which end before the synapses do.
inline bool rows_fit(const Batch& batch, const Ints& start, const Ints& target, std::int64_t n_pre) {
    const std::int64_t size = target.dimensions().size() == 0 ? 0 : target.dimensions().back();
    if (!batch.takes(start, {n_pre + 1}) || !batch.takes(target, {size})) return false;
    for (std::int64_t b = 0; b < batch.size(); ++b) {
        const std::int32_t* own = batch.at(b, start);
        if (own[0] < 0 || own[n_pre] > size) return false;
    }
    return true;
}

// Whether there is a weight for each synapse, or one for all.
template <typename Buffer>
bool weights_fit(const Batch& batch, const Buffer& weight, const Ints& target) {
    return batch.takes(weight, {1}) || batch.takes(weight, {target.dimensions().back()});
}

template <typename Buffer>
std::int64_t last(const Buffer& buffer) {
    return buffer.dimensions().size() == 0 ? 0 : buffer.dimensions().back();
}

// arrived[target[k]] = sum of spikes[i] weight[k]
template <ffi::DataType type>
ffi::Error deliver(Reals<type> spikes, Ints start, Ints target, Reals<type> weight,
                   Result<type> arrived) {
    const Batch batch(arrived->dimensions(), 1);
    RHEOBASE_REQUIRE(batch.takes(spikes, {last(spikes)}) &&
                         rows_fit(batch, start, target, last(spikes)) &&
                         weights_fit(batch, weight, target), "deliver");
    std::fill_n(arrived->typed_data(), arrived->element_count(), Real<type>(0));
    for (std::int64_t b = 0; b < batch.size(); ++b)
        rheobase::deliver(batch.at(b, spikes), spikes.dimensions().back(), batch.at(b, start),
                          rheobase::Now{batch.at(b, target)}, weights(batch, b, weight),
                          batch.at(b, *arrived));
    return ffi::Error::Success();
}

// worth[i] = sum of weight[k] cotangent[target[k]]
template <ffi::DataType type>
ffi::Error gather(Reals<type> cotangent, Ints start, Ints target, Reals<type> weight,
                  Result<type> worth) {
    const Batch batch(worth->dimensions(), 1);
    RHEOBASE_REQUIRE(rows_fit(batch, start, target, last(*worth)) &&
                         weights_fit(batch, weight, target) &&
                         batch.takes(cotangent, {Batch::any}), "gather");
    for (std::int64_t b = 0; b < batch.size(); ++b)
        rheobase::gather(batch.at(b, cotangent), worth->dimensions().back(), batch.at(b, start),
                         rheobase::Now{batch.at(b, target)}, weights(batch, b, weight),
                         batch.at(b, *worth));
    return ffi::Error::Success();
}

// change[k] = spikes[i] cotangent[target[k]], or the sum of that for a shared weight
template <ffi::DataType type>
ffi::Error outer(Reals<type> spikes, Ints start, Ints target, Reals<type> cotangent,
                 Result<type> change) {
    const Batch batch(change->dimensions(), 1);
    RHEOBASE_REQUIRE(batch.takes(spikes, {last(spikes)}) &&
                         rows_fit(batch, start, target, last(spikes)) &&
                         weights_fit(batch, *change, target) &&
                         batch.takes(cotangent, {Batch::any}), "outer");
    std::fill_n(change->typed_data(), change->element_count(), Real<type>(0));
    for (std::int64_t b = 0; b < batch.size(); ++b)
        rheobase::outer(batch.at(b, spikes), spikes.dimensions().back(), batch.at(b, start),
                        rheobase::Now{batch.at(b, target)}, batch.at(b, cotangent),
                        change->dimensions().back() == 1, batch.at(b, *change));
    return ffi::Error::Success();
}

// ring[(slot + delay[k]) % depth, target[k]] += spikes[i] weight[k], in place where XLA can
template <ffi::DataType type>
ffi::Error deliver_delayed(Reals<type> spikes, Ints start, Ints target, Reals<type> weight,
                           Ints delay, Ints slot, Reals<type> ring, Result<type> result) {
    const Batch batch(result->dimensions(), 2);
    RHEOBASE_REQUIRE(batch.takes(spikes, {last(spikes)}) &&
                         rows_fit(batch, start, target, last(spikes)) &&
                         weights_fit(batch, weight, target) && batch.takes(delay, {last(target)}) && batch.takes(slot, {1}) &&
                         ring.element_count() == result->element_count() &&
                         result->dimensions().last(2)[0] > 0, "deliver_delayed");
    if (result->typed_data() != ring.typed_data())
        std::copy_n(ring.typed_data(), ring.element_count(), result->typed_data());
    for (std::int64_t b = 0; b < batch.size(); ++b)
        rheobase::deliver(batch.at(b, spikes), spikes.dimensions().back(), batch.at(b, start),
                          later(batch, b, target, delay, slot, ring), weights(batch, b, weight),
                          batch.at(b, *result));
    return ffi::Error::Success();
}

// worth[i] = sum of weight[k] cotangent[(slot + delay[k]) % depth, target[k]]
template <ffi::DataType type>
ffi::Error gather_delayed(Reals<type> cotangent, Ints start, Ints target, Reals<type> weight,
                          Ints delay, Ints slot, Result<type> worth) {
    const Batch batch(worth->dimensions(), 1);
    RHEOBASE_REQUIRE(rows_fit(batch, start, target, last(*worth)) &&
                         weights_fit(batch, weight, target) && batch.takes(delay, {last(target)}) && batch.takes(slot, {1}) &&
                         batch.takes(cotangent, {Batch::any, Batch::any}) &&
                         cotangent.dimensions().last(2)[0] > 0, "gather_delayed");
    for (std::int64_t b = 0; b < batch.size(); ++b)
        rheobase::gather(batch.at(b, cotangent), worth->dimensions().back(), batch.at(b, start),
                         later(batch, b, target, delay, slot, cotangent), weights(batch, b, weight),
                         batch.at(b, *worth));
    return ffi::Error::Success();
}

// change[k] = spikes[i] cotangent[(slot + delay[k]) % depth, target[k]], or the sum of that
template <ffi::DataType type>
ffi::Error outer_delayed(Reals<type> spikes, Ints start, Ints target, Reals<type> cotangent,
                         Ints delay, Ints slot, Result<type> change) {
    const Batch batch(change->dimensions(), 1);
    RHEOBASE_REQUIRE(batch.takes(spikes, {last(spikes)}) &&
                         rows_fit(batch, start, target, last(spikes)) &&
                         weights_fit(batch, *change, target) && batch.takes(delay, {last(target)}) && batch.takes(slot, {1}) &&
                         batch.takes(cotangent, {Batch::any, Batch::any}) &&
                         cotangent.dimensions().last(2)[0] > 0, "outer_delayed");
    std::fill_n(change->typed_data(), change->element_count(), Real<type>(0));
    for (std::int64_t b = 0; b < batch.size(); ++b)
        rheobase::outer(batch.at(b, spikes), spikes.dimensions().back(), batch.at(b, start),
                        later(batch, b, target, delay, slot, cotangent), batch.at(b, cotangent),
                        change->dimensions().back() == 1, batch.at(b, *change));
    return ffi::Error::Success();
}

}  // namespace

RHEOBASE_KERNEL(deliver);
RHEOBASE_KERNEL(gather);
RHEOBASE_KERNEL(outer);
RHEOBASE_KERNEL(deliver_delayed);
RHEOBASE_KERNEL(gather_delayed);
RHEOBASE_KERNEL(outer_delayed);
