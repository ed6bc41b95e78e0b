// The loops of late.h as custom calls of XLA on a CPU, in float32 and float64.
#include <algorithm>
#include <cstdint>

#include "batch.h"
#include "late.h"

namespace {

using namespace rheobase;

template <ffi::DataType type>
Late<Real<type>> late_weights(const Batch& batch, std::int64_t member, Reals<type> early,
                              Reals<type> late, Ints slot, std::int64_t pre, std::int64_t post,
                              std::int64_t depth) {
    return {batch.at(member, early), batch.at(member, late), batch.at(member, slot),
            pre, post, static_cast<std::int32_t>(depth)};
}

// Whether a ring, and what it begins as, have this size.
template <typename Buffer, typename Other>
bool same(const Batch& batch, const Buffer& ring, const Other& result, std::int64_t size) {
    return batch.takes(ring, {size}) && batch.takes(result, {size}) &&
           ring.element_count() == result.element_count();
}

// Whether the row that comes next is one of the ring.
inline bool inside(const Batch& batch, const Ints& cursor, std::int64_t depth) {
    for (std::int64_t member = 0; member < batch.size(); ++member)
        if (*batch.at(member, cursor) < 0 || *batch.at(member, cursor) >= depth) return false;
    return true;
}

// A step of all samples, the ring (samples, depth, post) in place where XLA can.
template <ffi::DataType type>
ffi::Error push_late(Reals<type> spikes, Reals<type> early, Reals<type> late, Ints slot,
                     Ints cursor, Reals<type> ring, Result<type> arriving, Result<type> result) {
    const Batch batch(arriving->dimensions(), 2);
    const Dimensions shape = arriving->dimensions().last(2);
    const std::int64_t samples = shape[0], post = shape[1], pre = spikes.dimensions().back();
    if (samples * post == 0) return ffi::Error::Success();
    const std::int64_t depth = result->dimensions().back() / (samples * post);
    RHEOBASE_REQUIRE(depth > 1 && same(batch, ring, *result, depth * samples * post) &&
                         batch.takes(spikes, {samples, pre}) && batch.takes(early, {pre, post}) &&
                         batch.takes(late, {pre, post}) && batch.takes(slot, {pre, post}) &&
                         batch.takes(cursor, {1}) && inside(batch, cursor, depth), "push_late");
    if (result->typed_data() != ring.typed_data())
        std::copy_n(ring.typed_data(), ring.element_count(), result->typed_data());
    for (std::int64_t member = 0; member < batch.size(); ++member) {
        const auto to = late_weights(batch, member, early, late, slot, pre, post, depth);
        for (std::int64_t b = 0; b < samples; ++b)
            push(to, batch.at(member, spikes) + b * to.pre, *batch.at(member, cursor),
                 batch.at(member, *result) + b * depth * post,
                 batch.at(member, *arriving) + b * post);
    }
    return ffi::Error::Success();
}

// The way back of a step, the weights in columns side by side, the ring of cotangents (post, depth, samples) in place where XLA can.
template <ffi::DataType type>
ffi::Error pull_late(Reals<type> arriving, Reals<type> early, Reals<type> late, Ints slot,
                     Ints cursor, Reals<type> ring, Result<type> worth, Result<type> result) {
    const Batch batch(worth->dimensions(), 2);
    const Dimensions shape = arriving.dimensions().last(2);
    const std::int64_t samples = shape[0], post = shape[1], pre = worth->dimensions().back();
    if (samples * post == 0) return ffi::Error::Success();
    const std::int64_t depth = result->dimensions().back() / (samples * post);
    const std::int64_t blocks = (post + beside - 1) / beside;
    RHEOBASE_REQUIRE(depth > 1 && same(batch, ring, *result, depth * samples * post) &&
                         batch.takes(early, {blocks, pre, beside}) &&
                         batch.takes(late, {blocks, pre, beside}) &&
                         batch.takes(slot, {blocks, pre, beside}) &&
                         batch.takes(arriving, {samples, post}) &&
                         batch.takes(cursor, {1}) && inside(batch, cursor, depth), "pull_late");
    if (result->typed_data() != ring.typed_data())
        std::copy_n(ring.typed_data(), ring.element_count(), result->typed_data());
    for (std::int64_t member = 0; member < batch.size(); ++member)
        pull(late_weights(batch, member, early, late, slot, pre, post, depth), batch.at(member, arriving),
             samples, *batch.at(member, cursor), batch.at(member, *result),
             batch.at(member, *worth));
    return ffi::Error::Success();
}

// The gradients of early and late, (2, pre, post).
template <ffi::DataType type>
ffi::Error change_late(Reals<type> spikes, Reals<type> cotangent, Ints slot, Result<type> result) {
    const Batch batch(result->dimensions(), 3);
    const Dimensions shape = spikes.dimensions().last(3), synapses = slot.dimensions().last(2);
    const std::int64_t steps = shape[0], samples = shape[1], size = synapses[0] * synapses[1];
    const std::int64_t depth = cotangent.dimensions().last(3)[0] - steps + 1;
    RHEOBASE_REQUIRE(depth > 1 && batch.takes(spikes, {steps, samples, synapses[0]}) &&
                         batch.takes(cotangent, {steps + depth - 1, samples, synapses[1]}) &&
                         batch.takes(slot, {synapses[0], synapses[1]}) &&
                         batch.takes(*result, {2, synapses[0], synapses[1]}), "change_late");
    std::fill_n(result->typed_data(), result->element_count(), Real<type>(0));
    for (std::int64_t member = 0; member < batch.size(); ++member) {
        const Late<Real<type>> to{nullptr,     nullptr,     batch.at(member, slot),
                                  synapses[0], synapses[1], static_cast<std::int32_t>(depth)};
        Real<type>* out = batch.at(member, *result);
        change(to, batch.at(member, spikes), batch.at(member, cotangent), steps, samples, out,
               out + size);
    }
    return ffi::Error::Success();
}

}  // namespace

RHEOBASE_KERNEL(push_late);
RHEOBASE_KERNEL(pull_late);
RHEOBASE_KERNEL(change_late);
