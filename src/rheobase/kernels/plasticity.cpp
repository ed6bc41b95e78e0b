// The loops of plasticity.h as custom calls of XLA on a CPU, in float32 and float64.
#include "plasticity.h"

#include <algorithm>
#include <cstdint>

#include "batch.h"

namespace {

using namespace rheobase;

// What an update starts from, where XLA has not put it there already.
template <typename Buffer, typename Result>
void take(const Buffer& given, Result& result) {
    if (result->typed_data() != given.typed_data())
        std::copy_n(given.typed_data(), given.element_count(), result->typed_data());
}

template <ffi::DataType type>
Eligibility<Real<type>> eligibility(const Batch& batch, std::int64_t b, const Ints& now,
                                    const Reals<type>& rate, Result<type>& value,
                                    ffi::ResultBuffer<ffi::S32>& touched) {
    return {batch.at(b, *value), batch.at(b, *touched), *batch.at(b, now), *batch.at(b, rate)};
}

// weight[c] += active[i] passive[other[c]] factor; the first operand only has to be there before
template <ffi::DataType type>
ffi::Error change_rows(Reals<type>, Reals<type> active, Ints start, Ints other,
                       Reals<type> passive, Reals<type> course, Reals<type> weight,
                       Result<type> changed) {
    take(weight, changed);
    const Batch batch(changed->dimensions(), 1);
    for (std::int64_t b = 0; b < batch.size(); ++b)
        change(batch.at(b, active), active.dimensions().back(), batch.at(b, start),
               batch.at(b, other), InOrder{}, batch.at(b, passive),
               Course<Real<type>>(batch.at(b, course)), batch.at(b, *changed));
    return ffi::Error::Success();
}

// weight[synapse[c]] += active[j] passive[other[c]] factor
template <ffi::DataType type>
ffi::Error change_columns(Reals<type>, Reals<type> active, Ints start, Ints other, Ints synapse,
                          Reals<type> passive, Reals<type> course, Reals<type> weight,
                          Result<type> changed) {
    take(weight, changed);
    const Batch batch(changed->dimensions(), 1);
    for (std::int64_t b = 0; b < batch.size(); ++b)
        change(batch.at(b, active), active.dimensions().back(), batch.at(b, start),
               batch.at(b, other), Listed{batch.at(b, synapse)}, batch.at(b, passive),
               Course<Real<type>>(batch.at(b, course)), batch.at(b, *changed));
    return ffi::Error::Success();
}

// value[c] decays, then += active[i] passive[other[c]] factor
template <ffi::DataType type>
ffi::Error mark_rows(Reals<type> active, Ints start, Ints other, Reals<type> passive,
                     Reals<type> course, Reals<type> weight, Ints now, Reals<type> rate,
                     Reals<type> value, Ints touched, Result<type> value_out,
                     ffi::ResultBuffer<ffi::S32> touched_out) {
    take(value, value_out);
    take(touched, touched_out);
    const Batch batch(value_out->dimensions(), 1);
    for (std::int64_t b = 0; b < batch.size(); ++b)
        mark(batch.at(b, active), active.dimensions().back(), batch.at(b, start),
             batch.at(b, other), InOrder{}, batch.at(b, passive),
             Course<Real<type>>(batch.at(b, course)), batch.at(b, weight),
             eligibility(batch, b, now, rate, value_out, touched_out));
    return ffi::Error::Success();
}

// value[synapse[c]] decays, then += active[j] passive[other[c]] factor
template <ffi::DataType type>
ffi::Error mark_columns(Reals<type> active, Ints start, Ints other, Ints synapse,
                        Reals<type> passive, Reals<type> course, Reals<type> weight, Ints now,
                        Reals<type> rate, Reals<type> value, Ints touched, Result<type> value_out,
                        ffi::ResultBuffer<ffi::S32> touched_out) {
    take(value, value_out);
    take(touched, touched_out);
    const Batch batch(value_out->dimensions(), 1);
    for (std::int64_t b = 0; b < batch.size(); ++b)
        mark(batch.at(b, active), active.dimensions().back(), batch.at(b, start),
             batch.at(b, other), Listed{batch.at(b, synapse)}, batch.at(b, passive),
             Course<Real<type>>(batch.at(b, course)), batch.at(b, weight),
             eligibility(batch, b, now, rate, value_out, touched_out));
    return ffi::Error::Success();
}

// weight[k] += reward value[k], value[k] decayed
template <ffi::DataType type>
ffi::Error reap(Reals<type>, Reals<type> reward, Reals<type> course, Ints now, Reals<type> rate,
                Reals<type> weight, Reals<type> value, Ints touched, Result<type> weight_out,
                Result<type> value_out, ffi::ResultBuffer<ffi::S32> touched_out) {
    take(weight, weight_out);
    take(value, value_out);
    take(touched, touched_out);
    const Batch batch(weight_out->dimensions(), 1);
    for (std::int64_t b = 0; b < batch.size(); ++b)
        rheobase::reap(*batch.at(b, reward), weight_out->dimensions().back(),
             Course<Real<type>>(batch.at(b, course)), batch.at(b, *weight_out),
             eligibility(batch, b, now, rate, value_out, touched_out));
    return ffi::Error::Success();
}

}  // namespace

RHEOBASE_KERNEL(change_rows);
RHEOBASE_KERNEL(change_columns);
RHEOBASE_KERNEL(mark_rows);
RHEOBASE_KERNEL(mark_columns);
RHEOBASE_KERNEL(reap);
