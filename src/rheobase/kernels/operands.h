// The operands and results of a custom call that has as many as the network needs, one after the other.
//
// Nothing is read before its type and size are those that the layout asks for: whoever makes the
// operands, a state that was tampered with among them, gets an error and not another's memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "kind.h"
#include "xla/ffi/api/ffi.h"

namespace rheobase {

namespace ffi = xla::ffi;

// What is thrown where an operand is not what the layout says.
struct Unfit {
    std::string what;
};

inline void require(bool fits, const char* what) {
    if (!fits) throw Unfit{std::string("the operands of the compiled loop do not fit: ") + what};
}

// Numbers from `low` on and below `end`.
inline void require_between(const std::int32_t* x, std::int64_t size, std::int64_t low,
                            std::int64_t end, const char* what) {
    require(std::all_of(x, x + size, [=](std::int32_t i) { return i >= low && i < end; }), what);
}

// Where rows begin and end: `rows` + 1 numbers that do not fall, from 0 to `size` at most.
inline void require_rows(const std::int32_t* start, std::int64_t rows, std::int64_t size) {
    require(start[0] >= 0 && start[rows] <= size && std::is_sorted(start, start + rows + 1),
            "rows of synapses");
}

// The layout of a call, read one number after the other.
class Layout {
  public:
    explicit Layout(ffi::Span<const std::int64_t> span) : at_(span.begin()), end_(span.end()) {}

    std::int64_t next(std::int64_t low, std::int64_t most) {
        require(at_ < end_ && *at_ >= low && *at_ <= most, "layout");
        return *at_++;
    }
    const std::int64_t* take(std::int64_t size) {
        require(end_ - at_ >= size, "layout");
        at_ += size;
        return at_ - size;
    }

  private:
    const std::int64_t *at_, *end_;
};

constexpr std::int64_t any_number = std::int64_t{1} << 31;

template <ffi::DataType type>
class Operands {
  public:
    using Real = ffi::NativeType<type>;

    Operands(ffi::RemainingArgs from, ffi::RemainingRets to) : from_(from), to_(to) {}

    // The next operand, which has `size` numbers.
    const Real* real(std::int64_t size, const char* what) {
        return read<ffi::Buffer<type>>(size, what);
    }
    const std::int32_t* whole(std::int64_t size, const char* what) {
        return read<ffi::Buffer<ffi::S32>>(size, what);
    }
    const std::uint32_t* words(std::int64_t size, const char* what) {
        return read<ffi::Buffer<ffi::U32>>(size, what);
    }
    // The number of a step from its high and its low word.
    static std::int64_t number(const std::uint32_t* clock) {
        return static_cast<std::int64_t>(static_cast<std::uint64_t>(clock[0]) << 32 | clock[1]);
    }
    // Of the next operand.
    std::int64_t size(std::size_t axis) const {
        const auto shape = next().dimensions();
        require(axis < shape.size(), "number of axes");
        return shape[axis];
    }
    std::int64_t count() const { return static_cast<std::int64_t>(next().element_count()); }
    // A value for each of `steps` steps and n neurons, or fewer that serve several.
    Series<Real> series(std::int64_t steps, std::int64_t n) {
        const std::int64_t rows = size(0), width = size(1);
        require((rows == 1 || rows >= steps) && (width == 1 || width == n), "width of a drive");
        return {real(rows * width, "drive"), rows, width};
    }

    // A result that begins as a copy of operand `source`, unless XLA gave it the same place.
    template <typename T>
    T* continued(const T* source, std::int64_t size) {
        ffi::AnyBuffer buffer = result();
        require(static_cast<std::int64_t>(buffer.element_count()) == size, "size of a result");
        T* place = reinterpret_cast<T*>(buffer.untyped_data());
        if (place != source) std::copy_n(source, size, place);
        return place;
    }
    Real* go_on(std::int64_t size, const char* what) { return continued(real(size, what), size); }

    // What is recorded, whose first axis has so many rows: a result that goes on from the next operand,
    // or, where it is `fresh`, begins anyhow.
    template <typename T>
    struct Recorded {
        T* at;
        std::int64_t rows, size;
    };
    template <typename T>
    Recorded<T> recorded(bool fresh) {
        ffi::AnyBuffer buffer = result();
        const std::int64_t all = static_cast<std::int64_t>(buffer.element_count());
        T* place = reinterpret_cast<T*>(buffer.untyped_data());
        if (!fresh) {
            require(count() == all, "size of a recording");
            const T* before = reinterpret_cast<const T*>(next().untyped_data());
            if (place != before) std::copy_n(before, all, place);
            ++next_;
        }
        const auto shape = buffer.dimensions();
        require(shape.size() > 0, "axes of a recording");
        return {place, shape[0], all};
    }
    std::int32_t* whole_result(std::int64_t size) {
        ffi::AnyBuffer buffer = result();
        require(static_cast<std::int64_t>(buffer.element_count()) == size, "size of a result");
        return reinterpret_cast<std::int32_t*>(buffer.untyped_data());
    }
    void require_done() const {
        require(next_ == from_.size() && done_ == to_.size(), "number of operands");
    }

  private:
    template <typename Buffer>
    auto* read(std::int64_t size, const char* what) {
        require(next_ < from_.size(), what);
        const auto buffer = from_.get<Buffer>(next_);
        require(buffer.has_value(), what);
        require(static_cast<std::int64_t>(buffer->element_count()) == size, what);
        ++next_;
        return buffer->typed_data();
    }
    ffi::AnyBuffer next() const {
        require(next_ < from_.size(), "number of operands");
        const auto buffer = from_.get<ffi::AnyBuffer>(next_);
        require(buffer.has_value(), "type of an operand");
        return *buffer;
    }
    ffi::AnyBuffer result() {
        require(done_ < to_.size(), "number of results");
        auto buffer = to_.get<ffi::AnyBuffer>(done_++);
        require(buffer.has_value(), "type of a result");
        return **buffer;
    }

    ffi::RemainingArgs from_;
    ffi::RemainingRets to_;
    std::size_t next_ = 0, done_ = 0;
};

// A call, or the error of what does not fit.
template <typename Body>
ffi::Error guarded(Body body) {
    try {
        body();
    } catch (const Unfit& unfit) {
        return ffi::Error(ffi::ErrorCode::kInvalidArgument, unfit.what);
    }
    return ffi::Error::Success();
}

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
