// What the custom calls of XLA have in common: types, batches and names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>

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

    // Whether an operand has a member of these dimensions, or one for each of the batch. `any` stands
    // for a dimension of any size.
    static constexpr std::int64_t any = -1;
    template <typename Buffer>
    bool takes(const Buffer& buffer, std::initializer_list<std::int64_t> shape) const {
        const Dimensions own = buffer.dimensions();
        if (own.size() != lead_.size() + shape.size()) return false;
        for (std::size_t d = 0; d < lead_.size(); ++d)
            if (own[d] != 1 && own[d] != lead_[d]) return false;
        std::size_t d = lead_.size();
        for (const std::int64_t size : shape) {
            if (size != any && own[d] != size) return false;
            ++d;
        }
        return true;
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

// Operands whose sizes do not fit are an error of the call, before anything is read.
#define RHEOBASE_REQUIRE(fits, what) \
    if (!(fits)) return ffi::Error(ffi::ErrorCode::kInvalidArgument, "sizes do not fit: " what)

#define RHEOBASE_KERNEL(name)                                             \
    XLA_FFI_DEFINE_HANDLER_SYMBOL(rheobase_##name##_f32, name<ffi::F32>); \
    XLA_FFI_DEFINE_HANDLER_SYMBOL(rheobase_##name##_f64, name<ffi::F64>)
