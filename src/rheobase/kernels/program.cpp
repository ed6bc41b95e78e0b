// The instructions of program.h, compiled for each kind of processor.
#include "program.h"

namespace rheobase {

RHEOBASE_WIDE void execute(Machine<float>& machine, std::int64_t m) { machine.run(m); }
RHEOBASE_WIDE void execute(Machine<double>& machine, std::int64_t m) { machine.run(m); }

}  // namespace rheobase
