// Loops over a tree of nodes that stand parents first: linear equations, differences, divergences.
#pragma once

#include <cstdint>

namespace rheobase {

// Members of a batch whose equations are solved side by side, so that the processor has other work
// while a division of one of them lasts.
constexpr int SIDE_BY_SIDE = 8;

// A tree of `size` nodes.
struct Tree {
    const std::int32_t* parent;  // of each node, smaller than the node; -1 for a root
    const std::int32_t* order;   // all nodes, children before their parents
    std::int64_t size;
};

// (D + L) x = -current - L v, with D = held + slope on the diagonal and L the Laplacian of the
// couplings of each node to its parent; `x` and `factor` have room for each node.
template <typename T>
struct Cable {
    const T *v, *slope, *current, *held, *coupling;
    T *factor, *x;

    void begin(std::int64_t i) const {
        factor[i] = held[i] + slope[i];
        x[i] = -current[i];
    }

    // What is left of node i for its parent. `factor` is the diagonal without the coupling to the
    // parent, so that a strong coupling cancels nothing; it ends as the share of the parent's x.
    void eliminate(std::int64_t i, std::int64_t parent) const {
        const T own = factor[i], right = x[i];
        if (parent < 0) {
            x[i] = right / own;
            return;
        }
        const T inverse = 1 / (own + coupling[i]), share = coupling[i] * inverse;
        const T above = v[i] - v[parent];
        factor[parent] += share * own;
        x[parent] += share * (right + own * above);
        factor[i] = share;
        x[i] = right * inverse - share * above;
    }

    void substitute(std::int64_t i, std::int64_t parent) const {
        if (parent >= 0) x[i] += factor[i] * x[parent];
    }
};

template <typename T, int width>
void solve(const Tree& tree, const Cable<T>* cables) {
    for (std::int64_t i = 0; i < tree.size; ++i)
        for (int m = 0; m < width; ++m) cables[m].begin(i);
    for (std::int64_t k = 0; k < tree.size; ++k) {
        const std::int64_t i = tree.order[k], parent = tree.parent[i];
        for (int m = 0; m < width; ++m) cables[m].eliminate(i, parent);
    }
    for (std::int64_t k = tree.size; k-- > 0;) {
        const std::int64_t i = tree.order[k], parent = tree.parent[i];
        for (int m = 0; m < width; ++m) cables[m].substitute(i, parent);
    }
}

// result[i] = x[i] - x[parent of i], 0 at a root
template <typename T>
void difference(const Tree& tree, const T* x, T* result) {
    for (std::int64_t i = 0; i < tree.size; ++i)
        result[i] = tree.parent[i] < 0 ? 0 : x[i] - x[tree.parent[i]];
}

// The transpose of that: what flows out of each node when x[i] flows from i to its parent.
template <typename T>
void divergence(const Tree& tree, const T* x, T* result) {
    for (std::int64_t i = 0; i < tree.size; ++i) {
        const std::int64_t parent = tree.parent[i];
        result[i] = parent < 0 ? 0 : x[i];
        if (parent >= 0) result[parent] -= x[i];
    }
}

}  // namespace rheobase
