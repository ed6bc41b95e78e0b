// The loops of tree.h as custom calls of XLA on a CPU, in float32 and float64.
#include "tree.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "batch.h"

namespace {

using namespace rheobase;

template <ffi::DataType type>
rheobase::Tree tree_of(const Batch& batch, std::int64_t member, const Ints& parent,
                       const Ints& order) {
    return {batch.at(member, parent), batch.at(member, order), parent.dimensions().back()};
}

// (held + slope + L) x = -current - L v
template <ffi::DataType type>
ffi::Error tree_advance(Reals<type> v, Reals<type> slope, Reals<type> current, Reals<type> held,
                        Reals<type> coupling, Ints parent, Ints order, Result<type> result) {
    using T = Real<type>;
    const Batch batch(result->dimensions(), 1);
    const std::int64_t size = parent.dimensions().back();
    RHEOBASE_REQUIRE(batch.takes(*result, {size}) && batch.takes(v, {size}) &&
                         batch.takes(slope, {size}) && batch.takes(current, {size}) &&
                         batch.takes(held, {size}) && batch.takes(coupling, {size}) &&
                         batch.takes(parent, {size}) && batch.takes(order, {size}),
                     "tree_advance");
    thread_local std::vector<T> factors;
    factors.resize(static_cast<std::size_t>(SIDE_BY_SIDE * size));
    rheobase::Cable<T> cables[SIDE_BY_SIDE];
    for (std::int64_t b = 0; b < batch.size(); b += SIDE_BY_SIDE) {
        const std::int64_t some = std::min<std::int64_t>(SIDE_BY_SIDE, batch.size() - b);
        for (std::int64_t m = 0; m < some; ++m)
            cables[m] = {batch.at(b + m, v),        batch.at(b + m, slope),
                         batch.at(b + m, current),  batch.at(b + m, held),
                         batch.at(b + m, coupling), factors.data() + m * size,
                         batch.at(b + m, *result)};
        const rheobase::Tree tree = tree_of<type>(batch, b, parent, order);
        if (some == SIDE_BY_SIDE)
            rheobase::solve<T, SIDE_BY_SIDE>(tree, cables);
        else
            for (std::int64_t m = 0; m < some; ++m) rheobase::solve<T, 1>(tree, cables + m);
    }
    return ffi::Error::Success();
}

// result[i] = x[i] - x[parent of i]
template <ffi::DataType type>
ffi::Error tree_difference(Reals<type> x, Ints parent, Result<type> result) {
    const Batch batch(result->dimensions(), 1);
    const std::int64_t size = result->dimensions().back();
    RHEOBASE_REQUIRE(batch.takes(x, {size}) && batch.takes(parent, {size}), "tree_difference");
    for (std::int64_t b = 0; b < batch.size(); ++b)
        rheobase::difference(tree_of<type>(batch, b, parent, parent), batch.at(b, x),
                             batch.at(b, *result));
    return ffi::Error::Success();
}

// its transpose
template <ffi::DataType type>
ffi::Error tree_divergence(Reals<type> x, Ints parent, Result<type> result) {
    const Batch batch(result->dimensions(), 1);
    const std::int64_t size = result->dimensions().back();
    RHEOBASE_REQUIRE(batch.takes(x, {size}) && batch.takes(parent, {size}), "tree_divergence");
    for (std::int64_t b = 0; b < batch.size(); ++b)
        rheobase::divergence(tree_of<type>(batch, b, parent, parent), batch.at(b, x),
                             batch.at(b, *result));
    return ffi::Error::Success();
}

}  // namespace

RHEOBASE_KERNEL(tree_advance);
RHEOBASE_KERNEL(tree_difference);
RHEOBASE_KERNEL(tree_divergence);
