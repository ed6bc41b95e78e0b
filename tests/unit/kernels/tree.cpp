// The loops of tree.h against plain elimination of the whole matrix, to be run under sanitizers.
#include "tree.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

namespace {

using Vector = std::vector<double>;

// x of (D + L) x = -current - L v by Gauss's elimination.
Vector dense(const std::vector<std::int32_t>& parent, const Vector& v, const Vector& diagonal,
             const Vector& current, const Vector& coupling) {
    const std::size_t n = parent.size();
    std::vector<Vector> a(n, Vector(n, 0));
    Vector b(n);
    for (std::size_t i = 0; i < n; ++i) {
        a[i][i] += diagonal[i];
        b[i] -= current[i];
        if (parent[i] < 0) continue;
        const auto p = static_cast<std::size_t>(parent[i]);
        a[i][i] += coupling[i], a[p][p] += coupling[i];
        a[i][p] -= coupling[i], a[p][i] -= coupling[i];
        b[i] -= coupling[i] * (v[i] - v[p]), b[p] += coupling[i] * (v[i] - v[p]);
    }
    for (std::size_t k = 0; k < n; ++k)
        for (std::size_t i = k + 1; i < n; ++i) {
            const double share = a[i][k] / a[k][k];
            for (std::size_t j = k; j < n; ++j) a[i][j] -= share * a[k][j];
            b[i] -= share * b[k];
        }
    for (std::size_t k = n; k-- > 0;) {
        for (std::size_t j = k + 1; j < n; ++j) b[k] -= a[k][j] * b[j];
        b[k] /= a[k][k];
    }
    return b;
}

template <int width>
bool agrees(std::size_t n, std::mt19937& random) {
    std::uniform_real_distribution<double> unit(0.1, 1);
    std::vector<std::int32_t> parent(n, -1), order(n);
    for (std::size_t i = 2; i < n; ++i) parent[i] = static_cast<std::int32_t>(random() % i);
    for (std::size_t i = 0; i < n; ++i) order[i] = static_cast<std::int32_t>(n - 1 - i);
    const rheobase::Tree tree{parent.data(), order.data(), static_cast<std::int64_t>(n)};
    std::vector<Vector> v, slope, current, held, coupling, factor(width, Vector(n)), x(factor);
    std::vector<rheobase::Cable<double>> cables;
    for (int m = 0; m < width; ++m)
        for (auto* one : {&v, &slope, &current, &held, &coupling}) {
            one->emplace_back(n);
            for (double& value : one->back()) value = unit(random);
        }
    for (std::size_t m = 0; m < width; ++m)
        cables.push_back({v[m].data(), slope[m].data(), current[m].data(), held[m].data(),
                          coupling[m].data(), factor[m].data(), x[m].data()});
    rheobase::solve<double, width>(tree, cables.data());
    for (std::size_t m = 0; m < width; ++m) {
        Vector diagonal(n);
        for (std::size_t i = 0; i < n; ++i) diagonal[i] = held[m][i] + slope[m][i];
        const Vector expected = dense(parent, v[m], diagonal, current[m], coupling[m]);
        for (std::size_t i = 0; i < n; ++i)
            if (std::fabs(x[m][i] - expected[i]) > 1e-10) return false;
    }
    // <difference x, y> = <x, divergence y>
    Vector d(n), e(n);
    rheobase::difference(tree, v[0].data(), d.data());
    rheobase::divergence(tree, held[0].data(), e.data());
    double one = 0, two = 0;
    for (std::size_t i = 0; i < n; ++i) one += d[i] * held[0][i], two += v[0][i] * e[i];
    return std::fabs(one - two) < 1e-10 * static_cast<double>(n);
}

}  // namespace

int main() {
    std::mt19937 random(1);
    for (std::size_t n : {1, 2, 3, 17, 60})
        if (!agrees<1>(n, random) || !agrees<rheobase::SIDE_BY_SIDE>(n, random)) {
            std::printf("the tree of %zu nodes disagrees\n", n);
            return EXIT_FAILURE;
        }
    return EXIT_SUCCESS;
}
