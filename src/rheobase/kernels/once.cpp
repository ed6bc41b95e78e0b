// A custom call that does nothing, but of which XLA does not know that.
#include <algorithm>

#include "batch.h"

namespace {

using namespace rheobase;

// result = value, in place where XLA can
template <ffi::DataType type>
ffi::Error once(Reals<type> value, Result<type> result) {
    RHEOBASE_REQUIRE(value.element_count() == result->element_count(), "once");
    if (result->typed_data() != value.typed_data())
        std::copy_n(value.typed_data(), value.element_count(), result->typed_data());
    return ffi::Error::Success();
}

}  // namespace

RHEOBASE_KERNEL(once);
