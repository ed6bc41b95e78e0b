// The operands and results of a custom call that has as many as the network needs, one after the other.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kind.h"
#include "xla/ffi/api/ffi.h"

namespace rheobase {

namespace ffi = xla::ffi;

template <ffi::DataType type>
class Operands {
  public:
    using Real = ffi::NativeType<type>;

    Operands(ffi::RemainingArgs from, ffi::RemainingRets to) : from_(from), to_(to) {}

    const Real* real() { return from_.get<ffi::Buffer<type>>(next_++)->typed_data(); }
    const std::int32_t* whole() { return from_.get<ffi::Buffer<ffi::S32>>(next_++)->typed_data(); }
    const std::uint32_t* words() { return from_.get<ffi::Buffer<ffi::U32>>(next_++)->typed_data(); }
    // The number of a step from its high and its low word.
    static std::int64_t number(const std::uint32_t* clock) {
        return static_cast<std::int64_t>(static_cast<std::uint64_t>(clock[0]) << 32 | clock[1]);
    }
    // Of the next operand.
    std::int64_t size(std::size_t axis) const {
        return from_.get<ffi::AnyBuffer>(next_)->dimensions()[axis];
    }
    Series<Real> series() {
        const std::int64_t steps = size(0), width = size(1);
        return {real(), steps, width};
    }

    // A result that begins as a copy of operand `source`, unless XLA gave it the same place.
    template <typename T>
    T* continued(const T* source) {
        ffi::AnyBuffer buffer = **to_.get<ffi::AnyBuffer>(done_++);
        T* place = reinterpret_cast<T*>(buffer.untyped_data());
        if (place != source) std::copy_n(source, buffer.element_count(), place);
        return place;
    }
    // What is recorded, whose first axis has so many rows: a result that goes on from the next operand,
    // or, where it is `fresh`, begins anyhow.
    template <typename T>
    struct Recorded {
        T* at;
        std::int64_t rows, size;
    };
    template <typename T>
    Recorded<T> recorded(bool fresh) {
        ffi::AnyBuffer buffer = **to_.get<ffi::AnyBuffer>(done_);
        T* place = reinterpret_cast<T*>(buffer.untyped_data());
        if (fresh) ++done_;
        else place = continued(reinterpret_cast<const T*>(from_.get<ffi::AnyBuffer>(next_++)->untyped_data()));
        return {place, buffer.dimensions()[0], static_cast<std::int64_t>(buffer.element_count())};
    }
    std::int32_t* whole_result() {
        return (*to_.get<ffi::Buffer<ffi::S32>>(done_++))->typed_data();
    }

  private:
    ffi::RemainingArgs from_;
    ffi::RemainingRets to_;
    std::size_t next_ = 0, done_ = 0;
};

}  // namespace rheobase

#define RHEOBASE_CALL_OF(name, suffix, type)                                              \
    XLA_FFI_DEFINE_HANDLER_SYMBOL(rheobase_##name##_##suffix, name<type>,                 \
                                  ffi::Ffi::Bind()                                        \
                                      .RemainingArgs()                                    \
                                      .RemainingRets()                                    \
                                      .Attr<ffi::Span<const std::int64_t>>("layout")      \
                                      .Attr<double>("dt"))
#define RHEOBASE_CALL(name)             \
    RHEOBASE_CALL_OF(name, f32, ffi::F32); \
    RHEOBASE_CALL_OF(name, f64, ffi::F64)
