// The loops of delivery.h as custom calls of XLA on a CPU, in float32 and float64.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "delivery.h"
#include "xla/ffi/api/ffi.h"

namespace {

namespace ffi = xla::ffi;

template <ffi::DataType type>
using Real = ffi::NativeType<type>;
template <ffi::DataType type>
using Reals = ffi::Buffer<type>;
template <ffi::DataType type>
using Result = ffi::ResultBuffer<type>;
using Ints = ffi::Buffer<ffi::S32>;
using Dimensions = ffi::AnyBuffer::Dimensions;

// Leading dimensions that every operand has, over whose members a call is repeated. An operand
// with 1 in place of such a dimension serves all its members.
class Batch {
  public:
    // `rank` dimensions of the result are those of one member.
    Batch(Dimensions result, std::size_t rank) : lead_(result.first(result.size() - rank)) {}

    std::int64_t size() const {
        std::int64_t product = 1;
        for (std::int64_t d : lead_) product *= d;
        return product;
    }

    // Where the operand of a member begins.
    template <typename Buffer>
    auto* at(std::int64_t member, const Buffer& buffer) const {
        const Dimensions own = buffer.dimensions();
        std::int64_t offset = 0, stride = 1;
        for (std::size_t d = own.size(); d-- > 0;) {
            if (d < lead_.size()) {
                if (own[d] > 1) offset += stride * (member % lead_[d]);
                member /= lead_[d];
            }
            stride *= own[d];
        }
        return buffer.typed_data() + offset;
    }

    template <ffi::DataType type>
    rheobase::Weights<Real<type>> weights(std::int64_t member, const Reals<type>& weight) const {
        return {at(member, weight), weight.dimensions().back() == 1};
    }

    template <ffi::DataType type>
    rheobase::Later later(std::int64_t member, const Ints& target, const Ints& delay,
                          const Ints& slot, const Reals<type>& ring) const {
        const Dimensions shape = ring.dimensions().last(2);
        const std::int64_t now = rheobase::Later::modulo(*at(member, slot), shape[0]);
        return {at(member, target), at(member, delay), now, shape[0], shape[1]};
    }

  private:
    Dimensions lead_;
};

// arrived[target[k]] = sum of spikes[i] weight[k]
template <ffi::DataType type>
ffi::Error deliver(Reals<type> spikes, Ints start, Ints target, Reals<type> weight,
                   Result<type> arrived) {
    const Batch batch(arrived->dimensions(), 1);
    std::fill_n(arrived->typed_data(), arrived->element_count(), Real<type>(0));
    for (std::int64_t b = 0; b < batch.size(); ++b)
        rheobase::deliver(batch.at(b, spikes), spikes.dimensions().back(), batch.at(b, start),
                          rheobase::Now{batch.at(b, target)}, batch.weights(b, weight),
                          batch.at(b, *arrived));
    return ffi::Error::Success();
}

// worth[i] = sum of weight[k] cotangent[target[k]]
template <ffi::DataType type>
ffi::Error gather(Reals<type> cotangent, Ints start, Ints target, Reals<type> weight,
                  Result<type> worth) {
    const Batch batch(worth->dimensions(), 1);
    for (std::int64_t b = 0; b < batch.size(); ++b)
        rheobase::gather(batch.at(b, cotangent), worth->dimensions().back(), batch.at(b, start),
                         rheobase::Now{batch.at(b, target)}, batch.weights(b, weight),
                         batch.at(b, *worth));
    return ffi::Error::Success();
}

// change[k] = spikes[i] cotangent[target[k]], or the sum of that for a shared weight
template <ffi::DataType type>
ffi::Error outer(Reals<type> spikes, Ints start, Ints target, Reals<type> cotangent,
                 Result<type> change) {
    const Batch batch(change->dimensions(), 1);
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
    if (result->typed_data() != ring.typed_data())
        std::copy_n(ring.typed_data(), ring.element_count(), result->typed_data());
    for (std::int64_t b = 0; b < batch.size(); ++b)
        rheobase::deliver(batch.at(b, spikes), spikes.dimensions().back(), batch.at(b, start),
                          batch.later(b, target, delay, slot, ring), batch.weights(b, weight),
                          batch.at(b, *result));
    return ffi::Error::Success();
}

// worth[i] = sum of weight[k] cotangent[(slot + delay[k]) % depth, target[k]]
template <ffi::DataType type>
ffi::Error gather_delayed(Reals<type> cotangent, Ints start, Ints target, Reals<type> weight,
                          Ints delay, Ints slot, Result<type> worth) {
    const Batch batch(worth->dimensions(), 1);
    for (std::int64_t b = 0; b < batch.size(); ++b)
        rheobase::gather(batch.at(b, cotangent), worth->dimensions().back(), batch.at(b, start),
                         batch.later(b, target, delay, slot, cotangent), batch.weights(b, weight),
                         batch.at(b, *worth));
    return ffi::Error::Success();
}

// change[k] = spikes[i] cotangent[(slot + delay[k]) % depth, target[k]], or the sum of that
template <ffi::DataType type>
ffi::Error outer_delayed(Reals<type> spikes, Ints start, Ints target, Reals<type> cotangent,
                         Ints delay, Ints slot, Result<type> change) {
    const Batch batch(change->dimensions(), 1);
    std::fill_n(change->typed_data(), change->element_count(), Real<type>(0));
    for (std::int64_t b = 0; b < batch.size(); ++b)
        rheobase::outer(batch.at(b, spikes), spikes.dimensions().back(), batch.at(b, start),
                        batch.later(b, target, delay, slot, cotangent), batch.at(b, cotangent),
                        change->dimensions().back() == 1, batch.at(b, *change));
    return ffi::Error::Success();
}

}  // namespace

#define RHEOBASE_KERNEL(name)                                          \
    XLA_FFI_DEFINE_HANDLER_SYMBOL(rheobase_##name##_f32, name<ffi::F32>); \
    XLA_FFI_DEFINE_HANDLER_SYMBOL(rheobase_##name##_f64, name<ffi::F64>)

RHEOBASE_KERNEL(deliver);
RHEOBASE_KERNEL(gather);
RHEOBASE_KERNEL(outer);
RHEOBASE_KERNEL(deliver_delayed);
RHEOBASE_KERNEL(gather_delayed);
RHEOBASE_KERNEL(outer_delayed);
