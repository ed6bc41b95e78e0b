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

// Whether these are the synapses of so many neurons, in rows that end before the synapses do.
bool rows_fit(const Batch& batch, const Ints& start, const Ints& other, std::int64_t neurons,
              std::int64_t synapses) {
    if (!batch.takes(start, {neurons + 1}) || !batch.takes(other, {synapses})) return false;
    for (std::int64_t b = 0; b < batch.size(); ++b)
        if (batch.at(b, start)[0] < 0 || batch.at(b, start)[neurons] > synapses) return false;
    return true;
}

template <typename Buffer>
std::int64_t last(const Buffer& buffer) {
    return buffer.dimensions().size() == 0 ? 0 : buffer.dimensions().back();
}

// Whether two buffers, of which one begins as the other, have one size.
template <typename Buffer, typename Result>
bool same(const Buffer& given, Result& result) {
    return given.element_count() == result->element_count();
}

// weight[c] += active[i] passive[other[c]] factor; the first operand only has to be there before
template <ffi::DataType type>
ffi::Error change_rows(Reals<type>, Reals<type> active, Ints start, Ints other,
                       Reals<type> passive, Reals<type> course, Reals<type> weight,
                       Result<type> changed) {
    const Batch batch(changed->dimensions(), 1);
    RHEOBASE_REQUIRE(same(weight, changed) && batch.takes(active, {last(active)}) &&
                         rows_fit(batch, start, other, last(active), last(*changed)) &&
                         batch.takes(passive, {Batch::any}) && batch.takes(course, {CourseNumbers<float>::size()}),
                     "change_rows");
    take(weight, changed);
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
    const Batch batch(changed->dimensions(), 1);
    RHEOBASE_REQUIRE(same(weight, changed) && batch.takes(active, {last(active)}) &&
                         rows_fit(batch, start, other, last(active), last(*changed)) &&
                         batch.takes(passive, {Batch::any}) && batch.takes(course, {CourseNumbers<float>::size()}) && batch.takes(synapse, {last(*changed)}),
                     "change_columns");
    take(weight, changed);
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
    const Batch batch(value_out->dimensions(), 1);
    RHEOBASE_REQUIRE(same(value, value_out) && same(touched, touched_out) &&
                         same(value, touched_out) && batch.takes(weight, {last(*value_out)}) &&
                         batch.takes(active, {last(active)}) &&
                         rows_fit(batch, start, other, last(active), last(weight)) &&
                         batch.takes(passive, {Batch::any}) && batch.takes(course, {CourseNumbers<float>::size()}) &&
                         batch.takes(now, {1}) && batch.takes(rate, {1}),
                     "mark_rows");
    take(value, value_out);
    take(touched, touched_out);
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
    const Batch batch(value_out->dimensions(), 1);
    RHEOBASE_REQUIRE(same(value, value_out) && same(touched, touched_out) &&
                         same(value, touched_out) && batch.takes(weight, {last(*value_out)}) &&
                         batch.takes(active, {last(active)}) &&
                         rows_fit(batch, start, other, last(active), last(weight)) &&
                         batch.takes(passive, {Batch::any}) && batch.takes(course, {CourseNumbers<float>::size()}) &&
                         batch.takes(now, {1}) && batch.takes(rate, {1}) && batch.takes(synapse, {last(weight)}),
                     "mark_columns");
    take(value, value_out);
    take(touched, touched_out);
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
    const Batch batch(weight_out->dimensions(), 1);
    RHEOBASE_REQUIRE(same(weight, weight_out) && same(value, value_out) && same(touched, touched_out) &&
                         same(weight, value_out) && same(weight, touched_out) &&
                         batch.takes(reward, {1}) && batch.takes(course, {CourseNumbers<float>::size()}) &&
                         batch.takes(now, {1}) && batch.takes(rate, {1}), "reap");
    take(weight, weight_out);
    take(value, value_out);
    take(touched, touched_out);
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
