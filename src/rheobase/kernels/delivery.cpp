// Delivery of spikes along sparse rows, called by XLA on a CPU.
//
// Rows are compressed by presynaptic neuron (CSR); indices were checked when they were built. Work is in proportion
// to the synapses of the neurons that spiked, plus one look at every presynaptic neuron.
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace {

template <ffi::DataType type>
using Native = ffi::NativeType<type>;

// Calls visit(neuron, value) for every neuron whose spike is not zero; sixteen at a time are looked at together.
template <typename Real, typename Visit>
void for_each_spike(const Real* spikes, std::int64_t n, Visit visit) {
    constexpr std::int64_t block = 16;
    std::int64_t i = 0;
    for (; i + block <= n; i += block) {
        bool any = false;
        for (std::int64_t k = 0; k < block; ++k) any |= spikes[i + k] != Real(0);
        if (!any) continue;
        for (std::int64_t k = 0; k < block; ++k)
            if (spikes[i + k] != Real(0)) visit(i + k, spikes[i + k]);
    }
    for (; i < n; ++i)
        if (spikes[i] != Real(0)) visit(i, spikes[i]);
}

// arrived[target] = sum over spikes of value * weight.  A single weight stands for all synapses.
template <ffi::DataType type, ffi::DataType index>
ffi::Error deliver(ffi::Buffer<type> spikes, ffi::Buffer<index> start, ffi::Buffer<ffi::S32> target,
                   ffi::Buffer<type> weight, ffi::ResultBuffer<type> arrived) {
    using Real = Native<type>;
    const std::int64_t n = static_cast<std::int64_t>(spikes.element_count());
    const bool shared = weight.element_count() == 1;
    const Real* w = weight.typed_data();
    const auto* row = start.typed_data();
    const std::int32_t* to = target.typed_data();
    Real* out = arrived->typed_data();
    std::memset(out, 0, arrived->size_bytes());
    for_each_spike(spikes.typed_data(), n, [&](std::int64_t i, Real value) {
        if (shared) {
            const Real jump = value * w[0];
            for (auto k = row[i]; k < row[i + 1]; ++k) out[to[k]] += jump;
        } else {
            for (auto k = row[i]; k < row[i + 1]; ++k) out[to[k]] += value * w[k];
        }
    });
    return ffi::Error::Success();
}

// The same into a ring of coming steps: ring[(slot + delay) % depth][target] += value * weight.
template <ffi::DataType type, ffi::DataType index>
ffi::Error deliver_delayed(ffi::Buffer<type> spikes, ffi::Buffer<index> start, ffi::Buffer<ffi::S32> target,
                           ffi::Buffer<type> weight, ffi::Buffer<ffi::S32> delay, ffi::Buffer<ffi::S32> slot,
                           ffi::Buffer<type> ring, ffi::ResultBuffer<type> result) {
    using Real = Native<type>;
    const std::int64_t n = static_cast<std::int64_t>(spikes.element_count());
    const std::int64_t depth = ring.dimensions()[0], width = ring.dimensions()[1];
    const std::int64_t now = slot.typed_data()[0];
    const bool shared = weight.element_count() == 1;
    const Real* w = weight.typed_data();
    const auto* row = start.typed_data();
    const std::int32_t* to = target.typed_data();
    const std::int32_t* late = delay.typed_data();
    Real* out = result->typed_data();
    if (out != ring.typed_data()) std::memcpy(out, ring.typed_data(), ring.size_bytes());
    for_each_spike(spikes.typed_data(), n, [&](std::int64_t i, Real value) {
        for (auto k = row[i]; k < row[i + 1]; ++k) {
            std::int64_t place = now + late[k];
            if (place >= depth) place -= depth;
            out[place * width + to[k]] += value * w[shared ? 0 : k];
        }
    });
    return ffi::Error::Success();
}

// out[i] = sum over the synapses k of neuron i of weight[k] * cotangent[target[k]]: what a spike of i is worth.
template <ffi::DataType type, ffi::DataType index>
ffi::Error gather(ffi::Buffer<type> cotangent, ffi::Buffer<index> start, ffi::Buffer<ffi::S32> target,
                  ffi::Buffer<type> weight, ffi::ResultBuffer<type> result) {
    using Real = Native<type>;
    const std::int64_t n = static_cast<std::int64_t>(result->element_count());
    const bool shared = weight.element_count() == 1;
    const Real* w = weight.typed_data();
    const Real* ct = cotangent.typed_data();
    const auto* row = start.typed_data();
    const std::int32_t* to = target.typed_data();
    Real* out = result->typed_data();
    for (std::int64_t i = 0; i < n; ++i) {
        Real sum = 0;
        if (shared) {
            for (auto k = row[i]; k < row[i + 1]; ++k) sum += ct[to[k]];
            sum *= w[0];
        } else {
            for (auto k = row[i]; k < row[i + 1]; ++k) sum += w[k] * ct[to[k]];
        }
        out[i] = sum;
    }
    return ffi::Error::Success();
}

// out[k] = spike[i] * cotangent[target[k]] for the synapses of neurons that spiked, 0 elsewhere; for one shared
// weight their sum.
template <ffi::DataType type, ffi::DataType index>
ffi::Error outer(ffi::Buffer<type> spikes, ffi::Buffer<index> start, ffi::Buffer<ffi::S32> target,
                 ffi::Buffer<type> cotangent, ffi::ResultBuffer<type> result) {
    using Real = Native<type>;
    const std::int64_t n = static_cast<std::int64_t>(spikes.element_count());
    const bool shared = result->element_count() == 1;
    const Real* ct = cotangent.typed_data();
    const auto* row = start.typed_data();
    const std::int32_t* to = target.typed_data();
    Real* out = result->typed_data();
    std::memset(out, 0, result->size_bytes());
    for_each_spike(spikes.typed_data(), n, [&](std::int64_t i, Real value) {
        for (auto k = row[i]; k < row[i + 1]; ++k) out[shared ? 0 : k] += value * ct[to[k]];
    });
    return ffi::Error::Success();
}

}  // namespace

#define RHEOBASE_DEFINE(symbol, function, type, index, binding) \
    XLA_FFI_DEFINE_HANDLER_SYMBOL(symbol, (function<type, index>), binding);

#define RHEOBASE_FOR_TYPES(function, bind)                                                     \
    RHEOBASE_DEFINE(rheobase_##function##_f32, function, ffi::F32, ffi::S32, (bind<ffi::F32, ffi::S32>())) \
    RHEOBASE_DEFINE(rheobase_##function##_f64, function, ffi::F64, ffi::S32, (bind<ffi::F64, ffi::S32>()))

namespace {

template <ffi::DataType type, ffi::DataType index>
auto bind_deliver() {
    return ffi::Ffi::Bind().Arg<ffi::Buffer<type>>().template Arg<ffi::Buffer<index>>()
        .template Arg<ffi::Buffer<ffi::S32>>().template Arg<ffi::Buffer<type>>().template Ret<ffi::Buffer<type>>();
}

template <ffi::DataType type, ffi::DataType index>
auto bind_deliver_delayed() {
    return ffi::Ffi::Bind().Arg<ffi::Buffer<type>>().template Arg<ffi::Buffer<index>>()
        .template Arg<ffi::Buffer<ffi::S32>>().template Arg<ffi::Buffer<type>>()
        .template Arg<ffi::Buffer<ffi::S32>>().template Arg<ffi::Buffer<ffi::S32>>()
        .template Arg<ffi::Buffer<type>>().template Ret<ffi::Buffer<type>>();
}

}  // namespace

RHEOBASE_FOR_TYPES(deliver, bind_deliver)
RHEOBASE_FOR_TYPES(deliver_delayed, bind_deliver_delayed)
RHEOBASE_FOR_TYPES(gather, bind_deliver)
RHEOBASE_FOR_TYPES(outer, bind_deliver)
