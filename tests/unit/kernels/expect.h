// What the programs of test_loops.py expect: numbers equal up to rounding.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

inline int failures = 0;

template <typename Real>
void expect_equal(const char* what, const std::vector<Real>& got, const std::vector<Real>& wanted) {
    if (got.size() != wanted.size()) {
        std::printf("%s: %zu numbers, expected %zu\n", what, got.size(), wanted.size());
        ++failures;
        return;
    }
    for (std::size_t i = 0; i < got.size(); ++i) {
        const Real scale = std::max(Real(1), std::abs(wanted[i]));
        if (std::abs(got[i] - wanted[i]) <= scale * 256 * std::numeric_limits<Real>::epsilon()) continue;
        std::printf("%s[%zu]: %g, expected %g\n", what, i, double(got[i]), double(wanted[i]));
        ++failures;
    }
}
