// The operands and results of a custom call that has as many as the network needs, one after the other.
//
// What they are and in which order they come stands in layout.h. Nothing is read before its type and
// shape are those that the layout asks for: whoever makes the operands, a state that was tampered
// with among them, gets an error and not another's memory.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <initializer_list>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "layout.h"
#include "xla/ffi/api/ffi.h"

namespace rheobase {

namespace ffi = xla::ffi;

// What is thrown where an operand is not what the layout says.
struct Unfit {
    std::string what;
};

inline void require(bool fits, const std::string& what) {
    if (!fits) throw Unfit{"the operands of the compiled loop do not fit: " + what};
}
// The same without a string on the way that fits.
inline void require(bool fits, const char* what) {
    if (!fits) require(fits, std::string(what));
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

// The numbers of a call, read one after the other.
class Numbers {
  public:
    explicit Numbers(ffi::Span<const std::int64_t> span) : at_(span.begin()), end_(span.end()) {}

    std::int64_t next(const char* name, std::int64_t least, std::int64_t most) {
        if (at_ >= end_) throw Unfit{std::string("the layout ends before `") + name + "`"};
        if (*at_ < least || *at_ > most)
            throw Unfit{std::string("`") + name + "` in the layout is " + std::to_string(*at_) +
                        " and must be from " + std::to_string(least) + " to " + std::to_string(most)};
        return *at_++;
    }
    template <typename Header>
    Header read() {
        Header header;
        header.each([&](const char* name, std::int64_t& number, std::int64_t least,
                        std::int64_t most) { number = next(name, least, most); });
        return header;
    }
    const std::int64_t* take(std::int64_t size) {
        require(end_ - at_ >= size, "the layout ends before the code of a program");
        at_ += size;
        return at_ - size;
    }
    void require_done() const { require(at_ == end_, "the layout has more numbers"); }

  private:
    const std::int64_t *at_, *end_;
};

// What a call says about its network before any operand.
struct Structure {
    struct Population : PopulationHeader {
        const std::int64_t* code = nullptr;
        std::vector<std::int64_t> drawn_kinds{};
    };
    struct Projection : ProjectionHeader {
        std::vector<RuleHeader> each_rule{};
    };

    CallHeader call;
    std::vector<Population> populations{};
    std::vector<Projection> projections{};

    explicit Structure(ffi::Span<const std::int64_t> span) {
        Numbers numbers(span);
        call = numbers.read<CallHeader>();
        for (std::int64_t p = 0; p < call.populations; ++p) {
            Population one{numbers.read<PopulationHeader>()};
            one.code = numbers.take(one.instructions * instruction);
            for (std::int64_t d = 0; d < one.drawn; ++d)
                one.drawn_kinds.push_back(
                    numbers.next("kind of a drawn drive", delta_input, one.synapses - 1));
            populations.push_back(one);
        }
        for (std::int64_t p = 0; p < call.projections; ++p) {
            Projection one{numbers.read<ProjectionHeader>()};
            require(one.pre < call.populations && one.post < call.populations,
                    "population of a projection");
            require(one.kind < populations[one.post].synapses, "kind of synapse of a projection");
            for (std::int64_t r = 0; r < one.rules; ++r)
                one.each_rule.push_back(numbers.read<RuleHeader>());
            projections.push_back(one);
        }
        numbers.require_done();
    }
};

// The sizes that shapes name; -1 where nothing has set them.
class Sizes {
  public:
    Sizes() { size_.fill(-1); }
    Sizes(std::initializer_list<std::pair<Size, std::int64_t>> known) : Sizes() {
        for (const auto& [name, size] : known) (*this)[name] = size;
    }
    std::int64_t& operator[](Size name) { return size_[static_cast<std::size_t>(name)]; }

  private:
    std::array<std::int64_t, static_cast<std::size_t>(Size::none)> size_{};
};

// The sizes of a projection between so many neurons.
inline Sizes sizes_of(const ProjectionHeader& of, std::int64_t n_pre, std::int64_t n_post) {
    Sizes sizes{{Size::pre, n_pre}, {Size::post, n_post}};
    if (of.delays == delays_none) sizes[Size::depth] = sizes[Size::width] = 0;
    if (of.delays == delays_shared) sizes[Size::width] = n_pre;
    if (of.delays == delays_each) sizes[Size::width] = n_post;
    return sizes;
}

// Whether the arrays of a projection fit each other.
inline void require_synapses(const ProjectionHeader& of, Sizes& sizes, const std::int32_t* start) {
    const std::int64_t synapses = sizes[Size::synapses], weights = sizes[Size::weights];
    require_rows(start, sizes[Size::pre], synapses);
    require(weights == 1 || weights == synapses, "weights");
    require(of.delays != delays_each || sizes[Size::delays] == synapses, "delays");
    require(of.delays == delays_none || sizes[Size::depth] > 0, "ring");
}

// The number of the first step of a call.
inline std::int64_t first_step(const ClockWords& clock) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(*clock.high) << 32 | *clock.low);
}

// How many operands and results some records have.
struct Count {
    std::int64_t operands = 0, results = 0;

    template <typename Record>
    void add(std::int64_t times = 1, bool fresh = false) {
        operands += fresh ? 0 : times * Record::operands;
        results += times * Record::results;
    }
};

template <ffi::DataType type>
class Operands {
  public:
    using Real = ffi::NativeType<type>;

    // A call that has as many operands and results as its network needs.
    Operands(ffi::RemainingArgs from, ffi::RemainingRets to, Count needed) : from_(from), to_(to) {
        require_count("operands", from.size(), needed.operands);
        require_count("results", to.size(), needed.results);
    }

    // The arrays of a record, the next of the call. A size that nothing has set yet is that of the
    // first array that has it. `fresh`: what is else changed in place is a result alone.
    template <template <typename> typename Record>
    Record<Real> read(Sizes& sizes, bool fresh = false) {
        Record<Real> record;
        record.each([&](const char* name, auto*& at, Role role,
                        std::initializer_list<Dimension> shape) {
            using T = std::remove_pointer_t<std::remove_reference_t<decltype(at)>>;
            using Plain = std::remove_const_t<T>;
            T* place = nullptr;
            const Plain* before = nullptr;
            if (role != Role::made && !fresh) {
                const ffi::AnyBuffer given = operand();
                fit<Plain>(given, sizes, shape, Record<Real>::name, name);
                before = static_cast<const Plain*>(given.untyped_data());
            }
            if constexpr (std::is_const_v<T>) {
                place = before;
            } else {
                const ffi::AnyBuffer made = result();
                fit<Plain>(made, sizes, shape, Record<Real>::name, name);
                place = static_cast<Plain*>(made.untyped_data());
                // Unless XLA gave both the same place.
                if (before != nullptr && before != place)
                    std::copy_n(before, made.element_count(), place);
            }
            at = place;
        });
        return record;
    }

  private:
    static void require_count(const char* what, std::size_t given, std::int64_t needed) {
        if (static_cast<std::int64_t>(given) != needed)
            throw Unfit{"a compiled loop was given " + std::to_string(given) + " " + what +
                        " where its layout asks for " + std::to_string(needed)};
    }
    ffi::AnyBuffer operand() {
        const auto buffer = from_.get<ffi::AnyBuffer>(next_++);
        require(buffer.has_value(), "an operand is no array");
        return *buffer;
    }
    ffi::AnyBuffer result() {
        auto buffer = to_.get<ffi::AnyBuffer>(done_++);
        require(buffer.has_value(), "a result is no array");
        return **buffer;
    }

    template <typename T>
    static constexpr ffi::DataType type_of() {
        if (std::is_same_v<T, std::int32_t>) return ffi::S32;
        if (std::is_same_v<T, std::uint32_t>) return ffi::U32;
        return type;
    }

    // Whether an array has its type and shape; sets the sizes that it is the first to have.
    template <typename T>
    static void fit(const ffi::AnyBuffer& buffer, Sizes& sizes,
                    std::initializer_list<Dimension> shape, const char* record, const char* name) {
        const auto own = buffer.dimensions();
        bool fits = buffer.element_type() == type_of<T>() && own.size() == shape.size();
        std::size_t axis = 0;
        for (const Dimension& each : shape) {
            if (!fits) break;
            std::int64_t wanted = each.more;
            if (each.of != Size::none) {
                std::int64_t& size = sizes[each.of];
                if (size < 0) size = own[axis] - each.more;
                fits = size >= 0;
                wanted += size;
            }
            fits = fits && own[axis++] == wanted;
        }
        if (!fits) throw Unfit{told<T>(buffer, sizes, shape, record, name)};
    }

    template <typename T>
    static std::string told(const ffi::AnyBuffer& buffer, Sizes& sizes,
                            std::initializer_list<Dimension> shape, const char* record,
                            const char* name) {
        std::string own, wanted;
        for (const std::int64_t size : buffer.dimensions()) own += std::to_string(size) + ", ";
        for (const Dimension& each : shape) {
            const std::int64_t size = each.of == Size::none ? 0 : sizes[each.of];
            wanted += (size < 0 ? "any" : std::to_string(size + each.more)) + ", ";
        }
        const char* kind = std::is_same_v<T, std::int32_t>    ? " of int32"
                           : std::is_same_v<T, std::uint32_t> ? " of uint32"
                                                              : " of the real numbers of the call";
        return std::string("`") + name + "` of " + record + " has the shape (" + own +
               ") where the layout asks for (" + wanted + ")" + kind;
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
    } catch (const std::exception& other) {  // no memory
        return ffi::Error(ffi::ErrorCode::kResourceExhausted, other.what());
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
