// The layout that this library was compiled for, which Python compares with its own.
#include "layout.h"

extern "C" {
extern const std::int64_t rheobase_layout[2];
const std::int64_t rheobase_layout[2] = {rheobase::layout_version, rheobase::layout_operands};
}
