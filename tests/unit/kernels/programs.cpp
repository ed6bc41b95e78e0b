// The instructions of program.h on random numbers, against the functions of the standard library; run
// under sanitizers by test_loops.py.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <random>
#include <vector>

#define RHEOBASE_WIDE  // functions for several processors do not go together with sanitizers
#include "program.cpp"

namespace {

using namespace rheobase;

int failures = 0;

double phi(double z) { return z == 0 ? 1 : std::expm1(z) / z; }

struct Case {
    Operation what;
    int operands;  // 4: a function of a bounded line, times a number; 7: relax
    std::function<double(double, double, double)> is;
};

const std::vector<Case> cases{
    {op_copy, 1, [](double x, double, double) { return x; }},
    {op_add, 2, [](double x, double y, double) { return x + y; }},
    {op_sub, 2, [](double x, double y, double) { return x - y; }},
    {op_mul, 2, [](double x, double y, double) { return x * y; }},
    {op_div, 2, [](double x, double y, double) { return x / y; }},
    {op_min, 2, [](double x, double y, double) { return std::fmin(x, y); }},
    {op_max, 2, [](double x, double y, double) { return std::fmax(x, y); }},
    {op_lt, 2, [](double x, double y, double) { return double(x < y); }},
    {op_le, 2, [](double x, double y, double) { return double(x <= y); }},
    {op_gt, 2, [](double x, double y, double) { return double(x > y); }},
    {op_ge, 2, [](double x, double y, double) { return double(x >= y); }},
    {op_eq, 2, [](double x, double y, double) { return double(x == y); }},
    {op_ne, 2, [](double x, double y, double) { return double(x != y); }},
    {op_neg, 1, [](double x, double, double) { return -x; }},
    {op_abs, 1, [](double x, double, double) { return std::fabs(x); }},
    {op_expm1, 1, [](double x, double, double) { return std::expm1(x); }},
    {op_tanh, 1, [](double x, double, double) { return std::tanh(x); }},
    {op_select_n, 3, [](double x, double y, double z) { return x != 0 ? z : y; }},
    {op_muladd, 3, [](double x, double y, double z) { return x * y + z; }},
    {op_mulsub, 3, [](double x, double y, double z) { return x * y - z; }},
    {op_submul, 3, [](double x, double y, double z) { return z - x * y; }},
    {op_exp, 4, [](double x, double, double) { return std::exp(x); }},
    {op_phi, 4, [](double x, double, double) { return phi(x); }},
    {op_inverse_phi, 4, [](double x, double, double) { return 1 / phi(x); }},
    {op_logistic, 4, [](double x, double, double) { return 1 / (1 + std::exp(-x)); }},
    {op_relax, 7, [](double x, double, double) { return phi(x); }},
};

// `known`: bits that say which of the later operands are constants.
template <typename Real>
void check(const Case& one, int known, std::int64_t m, double tolerance, std::mt19937& random) {
    std::normal_distribution<double> normal(0, one.what == op_expm1 ? 3 : 20);
    std::vector<Real> constants(5);
    for (Real& c : constants) c = static_cast<Real>(normal(random));
    const bool line = one.operands > 3;
    const auto operand = [&](int k) -> std::int64_t {
        return line ? ~std::int64_t(k) : (known >> k & 1) ? ~std::int64_t(k) : k;
    };
    const Instruction code{one.what, 3, 0, operand(1), operand(2), ~std::int64_t(3),
                           ~std::int64_t(4), 1, 2};
    Machine<Real> machine(reinterpret_cast<const std::int64_t*>(&code), 1, 4, constants.data());
    std::vector<std::vector<Real>> memory(4, std::vector<Real>(m));  // no longer than m
    for (int s = 0; s < 4; ++s) {
        for (Real& x : memory[s]) x = static_cast<Real>(random() % 8 == 0 ? 0 : normal(random));
        machine.slot(s) = memory[s].data();
    }
    execute(machine, m);
    for (std::int64_t i = 0; i < m; ++i) {
        double at[3];
        for (int k = 0; k < 3; ++k)
            at[k] = (k > 0 && (known >> k & 1)) ? double(constants[k]) : double(memory[k][i]);
        double expected, size = 0;
        if (line) {
            const Real z = constants[1] * memory[0][i] + constants[2];
            const double bounded = std::fmin(z, constants[3]);
            if (bounded < -80 || bounded > 80) continue;  // where float32 ends
            // The line may be rounded once or twice.
            size = std::fabs(bounded) + std::fabs(constants[1] * memory[0][i]);
            expected = constants[4] * one.is(bounded, 0, 0);
            if (one.operands == 7)
                expected = expected * memory[1][i] + memory[2][i];
            size = std::fabs(expected) * (2 + size);
            if (one.operands == 7) size += std::fabs(double(memory[2][i]));
        } else {
            expected = one.is(at[0], at[1], at[2]);
            size = std::fabs(expected) + std::fabs(at[0] * at[1]) + std::fabs(at[2]);
        }
        if (!(std::fabs(memory[3][i] - expected) <= tolerance * (size + 1e-30)) &&
            !(std::isinf(expected) || std::isnan(expected))) {
            if (++failures < 10)
                std::printf("operation %d, constants %d: %g, expected %g\n", int(one.what), known,
                            double(memory[3][i]), expected);
        }
    }
}

}  // namespace

int main() {
    std::mt19937 random(1);
    for (const Case& one : cases)
        for (int known = 0; known < 8; known += 2)
            for (const std::int64_t m : {1, 37, 128}) {
                check<float>(one, known, m, 1e-6, random);
                check<double>(one, known, m, 1e-14, random);
            }
    return failures != 0;
}
