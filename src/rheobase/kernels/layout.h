// What the compiled loops of networks are given. Written by rheobase/kernels/header.py: change
// rheobase/kernels/layout.py instead, and run `python -m rheobase.kernels.header`.
#pragma once

#include <cstdint>

namespace rheobase {

constexpr std::int64_t layout_version = 1;
constexpr std::int64_t layout_operands = 54;

constexpr std::int64_t most_variables = 8;
constexpr std::int64_t beside = 16;
constexpr std::int64_t delta_input = -1;

// What delays a projection has.
enum Delays : std::int64_t {
    delays_none = 0,
    delays_shared = 1,
    delays_each = 2,
};

// What an instruction does with its operands, slots or known numbers.
enum class Form {
    unary,
    binary,
    ternary,
    map,
    relax,
};

enum Operation : std::int64_t {
    op_copy,
    op_neg,
    op_abs,
    op_expm1,
    op_log,
    op_tanh,
    op_sqrt,
    op_add,
    op_sub,
    op_mul,
    op_div,
    op_min,
    op_max,
    op_pow,
    op_lt,
    op_le,
    op_gt,
    op_ge,
    op_eq,
    op_ne,
    op_select_n,
    op_muladd,
    op_mulsub,
    op_submul,
    op_clamp,
    op_exp,
    op_phi,
    op_inverse_phi,
    op_logistic,
    op_relax,
    operations,
};

constexpr Form forms[operations] = {
    Form::unary,
    Form::unary,
    Form::unary,
    Form::unary,
    Form::unary,
    Form::unary,
    Form::unary,
    Form::binary,
    Form::binary,
    Form::binary,
    Form::binary,
    Form::binary,
    Form::binary,
    Form::binary,
    Form::binary,
    Form::binary,
    Form::binary,
    Form::binary,
    Form::binary,
    Form::binary,
    Form::ternary,
    Form::ternary,
    Form::ternary,
    Form::ternary,
    Form::ternary,
    Form::map,
    Form::map,
    Form::map,
    Form::map,
    Form::relax,
};

// One instruction of a program: an operand is a slot, or ~k for the known number k.
struct Instruction {
    std::int64_t what, to, a, b, c, d, e, f, g;
};
constexpr std::int64_t instruction = 9;

// What the first slots of a program hold: how many, or from which on; then come registers.
struct Slots {
    const std::int64_t variables_, synapses_, shows_;
    std::int64_t variables = 0;
    std::int64_t counter = variables + variables_;
    std::int64_t arriving = counter + 1;
    std::int64_t current = arriving + synapses_;
    std::int64_t delta = current + 1;
    std::int64_t spike = delta + 1;
    std::int64_t shown = spike + 1;
    std::int64_t registers = shown + shows_;
};

// The numbers of a call.
struct CallHeader {
    std::int64_t populations = 0;
    std::int64_t projections = 0;
    std::int64_t fresh = 0;

    template <typename Next>
    void each(Next next) {
        next("populations", populations, std::int64_t{1}, std::int64_t{2147483648});
        next("projections", projections, std::int64_t{0}, std::int64_t{2147483648});
        next("fresh", fresh, std::int64_t{0}, std::int64_t{1});
    }
};

// The numbers of a population; its code and the kinds of its drawn drives follow.
struct PopulationHeader {
    std::int64_t variables = 0;
    std::int64_t synapses = 0;
    std::int64_t instructions = 0;
    std::int64_t slots = 0;
    std::int64_t counters = 0;
    std::int64_t source = 0;
    std::int64_t drawn = 0;

    template <typename Next>
    void each(Next next) {
        next("variables", variables, std::int64_t{1}, std::int64_t{2147483648});
        next("synapses", synapses, std::int64_t{0}, std::int64_t{2147483648});
        next("instructions", instructions, std::int64_t{0}, std::int64_t{2147483648});
        next("slots", slots, std::int64_t{0}, std::int64_t{2147483648});
        next("counters", counters, std::int64_t{0}, std::int64_t{1});
        next("source", source, std::int64_t{0}, std::int64_t{1});
        next("drawn", drawn, std::int64_t{0}, std::int64_t{2147483648});
    }
};

// The numbers of a projection.
struct ProjectionHeader {
    std::int64_t pre = 0;
    std::int64_t post = 0;
    std::int64_t kind = 0;
    std::int64_t delays = 0;
    std::int64_t rules = 0;

    template <typename Next>
    void each(Next next) {
        next("pre", pre, std::int64_t{0}, std::int64_t{2147483648});
        next("post", post, std::int64_t{0}, std::int64_t{2147483648});
        next("kind", kind, std::int64_t{-1}, std::int64_t{2147483648});
        next("delays", delays, std::int64_t{0}, std::int64_t{2});
        next("rules", rules, std::int64_t{0}, std::int64_t{2147483648});
    }
};

// The traces of a rule of plasticity.
struct RuleHeader {
    std::int64_t before = 0;
    std::int64_t behind = 0;

    template <typename Next>
    void each(Next next) {
        next("before", before, std::int64_t{0}, std::int64_t{2147483648});
        next("behind", behind, std::int64_t{0}, std::int64_t{2147483648});
    }
};

// A neuron whose step is linear: x' = move x + shift + entry I, but for conductances.
template <typename Real>
struct LinearNumbers {
    const Real* shift = nullptr;
    const Real* entry = nullptr;
    const Real* gain = nullptr;
    const Real* rate = nullptr;
    const Real* margin = nullptr;
    const Real* fresh = nullptr;
    const Real* base_rate = nullptr;
    const Real* base_slope = nullptr;
    const Real* base_entry = nullptr;
    const Real* level = nullptr;
    const Real* move = nullptr;
    const Real* keep = nullptr;
    const Real* arrive = nullptr;

    LinearNumbers() = default;
    explicit LinearNumbers(const Real* at, [[maybe_unused]] std::int64_t variables_, [[maybe_unused]] std::int64_t synapses_) {
        shift = at;
        entry = shift + variables_;
        gain = entry + variables_;
        rate = gain + variables_;
        margin = rate + variables_;
        fresh = margin + variables_;
        base_rate = fresh + variables_;
        base_slope = base_rate + 1;
        base_entry = base_slope + 1;
        level = base_entry + 1;
        move = level + 1;
        keep = move + variables_ * variables_;
        arrive = keep + variables_ * variables_;
    }

    static constexpr std::int64_t size(std::int64_t variables_, std::int64_t synapses_) {
        return variables_ + variables_ + variables_ + variables_ + variables_ + variables_ + 1 + 1 + 1 + 1 + variables_ * variables_ + variables_ * variables_ + synapses_ * variables_;
    }
};

// The whole numbers of such a neuron.
struct LinearWhole {
    const std::int32_t* period = nullptr;
    const std::int32_t* target = nullptr;
    const std::int32_t* held = nullptr;

    LinearWhole() = default;
    explicit LinearWhole(const std::int32_t* at, [[maybe_unused]] std::int64_t variables_) {
        period = at;
        target = period + 1;
        held = target + 1;
    }

    static constexpr std::int64_t size(std::int64_t variables_) {
        return 1 + 1 + variables_;
    }
};

// Bounds of weights, and how a change depends on them: ((w - anchor) scale)^mu.
template <typename Real>
struct CourseNumbers {
    const Real* low = nullptr;
    const Real* high = nullptr;
    const Real* anchor = nullptr;
    const Real* scale = nullptr;
    const Real* mu = nullptr;

    CourseNumbers() = default;
    explicit CourseNumbers(const Real* at) {
        low = at;
        high = low + 1;
        anchor = high + 1;
        scale = anchor + 1;
        mu = scale + 1;
    }

    static constexpr std::int64_t size() {
        return 1 + 1 + 1 + 1 + 1;
    }
};

// What a spike of one end does; a rule has the effects of a pre- and a postsynaptic spike.
template <typename Real>
struct EffectNumbers {
    const Real* decay = nullptr;
    const Real* own = nullptr;
    const Real* other = nullptr;
    const Real* keep = nullptr;
    const Real* add = nullptr;
    const Real* course = nullptr;

    EffectNumbers() = default;
    explicit EffectNumbers(const Real* at, [[maybe_unused]] std::int64_t traces_, [[maybe_unused]] std::int64_t others_) {
        decay = at;
        own = decay + traces_;
        other = own + (traces_ + 1);
        keep = other + (others_ + 1);
        add = keep + traces_;
        course = add + traces_;
    }

    static constexpr std::int64_t size(std::int64_t traces_, std::int64_t others_) {
        return traces_ + (traces_ + 1) + (others_ + 1) + traces_ + traces_ + 5;
    }
};

// When a call goes on.
struct ClockWords {
    const std::uint32_t* high = nullptr;
    const std::uint32_t* low = nullptr;
    const std::uint32_t* steps = nullptr;
    const std::uint32_t* kept = nullptr;

    ClockWords() = default;
    explicit ClockWords(const std::uint32_t* at) {
        high = at;
        low = high + 1;
        steps = low + 1;
        kept = steps + 1;
    }

    static constexpr std::int64_t size() {
        return 1 + 1 + 1 + 1;
    }
};

// The key of a drive that the loop draws.
struct DriveKey {
    const std::int32_t* first = nullptr;
    const std::int32_t* second = nullptr;
    const std::int32_t* number = nullptr;

    DriveKey() = default;
    explicit DriveKey(const std::int32_t* at) {
        first = at;
        second = first + 1;
        number = second + 1;
    }

    static constexpr std::int64_t size() {
        return 1 + 1 + 1;
    }
};

// What the shapes name.
enum class Size {
    numbers,
    whole,
    variables,
    n,
    synapses,
    current_steps,
    current_width,
    delta_steps,
    delta_width,
    probes,
    shows,
    drive_steps,
    drive_width,
    spikes,
    coarse_rows,
    rows,
    room,
    traced,
    counted,
    rastered,
    pre,
    weights,
    delays,
    depth,
    width,
    post,
    traces,
    steep_steps,
    worth_steps,
    none,
};

// How many numbers an operand has along an axis: as many as `of` says, and `more`.
struct Dimension {
    Size of = Size::none;
    std::int64_t more = 0;
};

// Whether an array is an operand, an operand that becomes a result, or a result alone.
enum class Role { given, in_place, made };

// What a call takes and makes besides its populations and projections.
template <typename Real>
struct CallOperands {
    static constexpr const char* name = "CallOperands";
    static constexpr std::int64_t operands = 1, results = 1;
    const std::uint32_t* clock = nullptr;
    std::int32_t* done = nullptr;

    template <typename Take>
    void each(Take take) {
        take("clock", clock, Role::given, {{Size::none, 4}});
        take("done", done, Role::made, {{Size::none, 1}});
    }
};

// A population.
template <typename Real>
struct PopulationOperands {
    static constexpr const char* name = "PopulationOperands";
    static constexpr std::int64_t operands = 9, results = 3;
    const Real* numbers = nullptr;
    const std::int32_t* whole = nullptr;
    Real* state = nullptr;
    std::int32_t* remaining = nullptr;
    Real* arriving = nullptr;
    const Real* current = nullptr;
    const Real* delta = nullptr;
    const std::int32_t* probed = nullptr;
    const std::int32_t* shown = nullptr;

    template <typename Take>
    void each(Take take) {
        take("numbers", numbers, Role::given, {{Size::numbers, 0}});
        take("whole", whole, Role::given, {{Size::whole, 0}});
        take("state", state, Role::in_place, {{Size::variables, 0}, {Size::n, 0}});
        take("remaining", remaining, Role::in_place, {{Size::n, 0}});
        take("arriving", arriving, Role::in_place, {{Size::synapses, 1}, {Size::n, 0}});
        take("current", current, Role::given, {{Size::current_steps, 0}, {Size::current_width, 0}});
        take("delta", delta, Role::given, {{Size::delta_steps, 0}, {Size::delta_width, 0}});
        take("probed", probed, Role::given, {{Size::probes, 0}});
        take("shown", shown, Role::given, {{Size::shows, 0}});
    }
};

// What is driven through a kind of synapse.
template <typename Real>
struct DriveOperands {
    static constexpr const char* name = "DriveOperands";
    static constexpr std::int64_t operands = 1, results = 0;
    const Real* driven = nullptr;

    template <typename Take>
    void each(Take take) {
        take("driven", driven, Role::given, {{Size::drive_steps, 0}, {Size::drive_width, 0}});
    }
};

// The spikes of a source, in the order of their steps.
template <typename Real>
struct SourceOperands {
    static constexpr const char* name = "SourceOperands";
    static constexpr std::int64_t operands = 3, results = 0;
    const std::uint32_t* high = nullptr;
    const std::uint32_t* low = nullptr;
    const std::int32_t* neuron = nullptr;

    template <typename Take>
    void each(Take take) {
        take("high", high, Role::given, {{Size::spikes, 0}});
        take("low", low, Role::given, {{Size::spikes, 0}});
        take("neuron", neuron, Role::given, {{Size::spikes, 0}});
    }
};

// A Poisson drive of one rate for all neurons, which the loop draws itself.
template <typename Real>
struct DrawnOperands {
    static constexpr const char* name = "DrawnOperands";
    static constexpr std::int64_t operands = 4, results = 0;
    const std::int32_t* key = nullptr;
    const Real* amplitude = nullptr;
    const std::uint32_t* coarse = nullptr;
    const std::uint32_t* fine = nullptr;

    template <typename Take>
    void each(Take take) {
        take("key", key, Role::given, {{Size::none, 3}});
        take("amplitude", amplitude, Role::given, {{Size::none, 1}});
        take("coarse", coarse, Role::given, {{Size::coarse_rows, 0}});
        take("fine", fine, Role::given, {{Size::none, 2}, {Size::rows, 0}});
    }
};

// What is recorded of a population, in arrays with room for more.
template <typename Real>
struct RecordedOperands {
    static constexpr const char* name = "RecordedOperands";
    static constexpr std::int64_t operands = 6, results = 6;
    std::int32_t* step = nullptr;
    std::int32_t* neuron = nullptr;
    std::int32_t* spikes = nullptr;
    Real* traces = nullptr;
    Real* counts = nullptr;
    Real* raster = nullptr;

    template <typename Take>
    void each(Take take) {
        take("step", step, Role::in_place, {{Size::room, 0}});
        take("neuron", neuron, Role::in_place, {{Size::room, 0}});
        take("spikes", spikes, Role::in_place, {{Size::none, 1}});
        take("traces", traces, Role::in_place, {{Size::traced, 0}, {Size::shows, 0}, {Size::probes, 0}});
        take("counts", counts, Role::in_place, {{Size::counted, 0}});
        take("raster", raster, Role::in_place, {{Size::rastered, 0}, {Size::n, 0}});
    }
};

// A projection: its synapses as rows of the presynaptic neurons.
template <typename Real>
struct ProjectionOperands {
    static constexpr const char* name = "ProjectionOperands";
    static constexpr std::int64_t operands = 5, results = 1;
    const std::int32_t* start = nullptr;
    const std::int32_t* target = nullptr;
    const Real* weight = nullptr;
    const std::int32_t* delay = nullptr;
    Real* ring = nullptr;

    template <typename Take>
    void each(Take take) {
        take("start", start, Role::given, {{Size::pre, 1}});
        take("target", target, Role::given, {{Size::synapses, 0}});
        take("weight", weight, Role::given, {{Size::weights, 0}});
        take("delay", delay, Role::given, {{Size::delays, 0}});
        take("ring", ring, Role::in_place, {{Size::depth, 0}, {Size::width, 0}});
    }
};

// Weights that rules change, and the same synapses as rows of the postsynaptic neurons.
template <typename Real>
struct PlasticOperands {
    static constexpr const char* name = "PlasticOperands";
    static constexpr std::int64_t operands = 4, results = 1;
    const std::int32_t* start = nullptr;
    const std::int32_t* source = nullptr;
    const std::int32_t* synapse = nullptr;
    Real* weight = nullptr;

    template <typename Take>
    void each(Take take) {
        take("start", start, Role::given, {{Size::post, 1}});
        take("source", source, Role::given, {{Size::synapses, 0}});
        take("synapse", synapse, Role::given, {{Size::synapses, 0}});
        take("weight", weight, Role::in_place, {{Size::synapses, 0}});
    }
};

// A rule of plasticity.
template <typename Real>
struct RuleOperands {
    static constexpr const char* name = "RuleOperands";
    static constexpr std::int64_t operands = 2, results = 1;
    const Real* numbers = nullptr;
    Real* traces = nullptr;

    template <typename Take>
    void each(Take take) {
        take("numbers", numbers, Role::given, {{Size::numbers, 0}});
        take("traces", traces, Role::in_place, {{Size::traces, 0}});
    }
};

// What the way back takes besides populations and projections.
template <typename Real>
struct BackCallOperands {
    static constexpr const char* name = "BackCallOperands";
    static constexpr std::int64_t operands = 1, results = 0;
    const std::uint32_t* clock = nullptr;

    template <typename Take>
    void each(Take take) {
        take("clock", clock, Role::given, {{Size::none, 4}});
    }
};

// A population on the way back.
template <typename Real>
struct BackPopulationOperands {
    static constexpr const char* name = "BackPopulationOperands";
    static constexpr std::int64_t operands = 10, results = 2;
    const Real* numbers = nullptr;
    const std::int32_t* whole = nullptr;
    const std::int32_t* remaining = nullptr;
    const Real* steep = nullptr;
    const Real* worth = nullptr;
    const std::int32_t* step = nullptr;
    const std::int32_t* neuron = nullptr;
    const std::int32_t* spikes = nullptr;
    Real* state = nullptr;
    Real* arriving = nullptr;

    template <typename Take>
    void each(Take take) {
        take("numbers", numbers, Role::given, {{Size::numbers, 0}});
        take("whole", whole, Role::given, {{Size::whole, 0}});
        take("remaining", remaining, Role::given, {{Size::n, 0}});
        take("steep", steep, Role::given, {{Size::steep_steps, 0}, {Size::n, 0}});
        take("worth", worth, Role::given, {{Size::worth_steps, 0}, {Size::n, 0}});
        take("step", step, Role::given, {{Size::room, 0}});
        take("neuron", neuron, Role::given, {{Size::room, 0}});
        take("spikes", spikes, Role::given, {{Size::none, 1}});
        take("state", state, Role::in_place, {{Size::variables, 0}, {Size::n, 0}});
        take("arriving", arriving, Role::in_place, {{Size::synapses, 1}, {Size::n, 0}});
    }
};

// A projection on the way back.
template <typename Real>
struct BackProjectionOperands {
    static constexpr const char* name = "BackProjectionOperands";
    static constexpr std::int64_t operands = 7, results = 2;
    const std::int32_t* start = nullptr;
    const std::int32_t* target = nullptr;
    const Real* weight = nullptr;
    const std::int32_t* delay = nullptr;
    const Real* sent = nullptr;
    Real* ring = nullptr;
    Real* change = nullptr;

    template <typename Take>
    void each(Take take) {
        take("start", start, Role::given, {{Size::pre, 1}});
        take("target", target, Role::given, {{Size::synapses, 0}});
        take("weight", weight, Role::given, {{Size::weights, 0}});
        take("delay", delay, Role::given, {{Size::delays, 0}});
        take("sent", sent, Role::given, {{Size::depth, 0}, {Size::width, 0}});
        take("ring", ring, Role::in_place, {{Size::depth, 0}, {Size::width, 0}});
        take("change", change, Role::in_place, {{Size::weights, 0}});
    }
};

}  // namespace rheobase
