// What the custom calls of XLA have in common: types, batches and names.
#pragma once

#include <cstddef>
#include <cstdint>

#include "xla/ffi/api/ffi.h"

namespace rheobase {

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

  private:
    Dimensions lead_;
};

}  // namespace rheobase

#define RHEOBASE_KERNEL(name)                                             \
    XLA_FFI_DEFINE_HANDLER_SYMBOL(rheobase_##name##_f32, name<ffi::F32>); \
    XLA_FFI_DEFINE_HANDLER_SYMBOL(rheobase_##name##_f64, name<ffi::F64>)
