"""NIR, the Neuromorphic Intermediate Representation: graphs that other libraries read and write.

NIR (Pedersen et al. 2024, Nat Commun 15:8122; the package `nir`) holds equations in SI units and
says nothing of the time step, the scheme, or resets other than v ← v_reset. What we add stands in
the metadata of the graph and of its nodes, so that our own graphs come back to the bit:

    graph   "library" rheobase, "library_version", "layout" 2, "dt_ms", "stepper", "dtype",
            "units" (SI: s, V, A, Ohm, F; a spike is 1 for one step)
    neuron  "reset" value or subtract, "refractory_ms", "refractory_hold", for others to read, and
            "rheobase", the bytes of a file of `rb.save` with the neuron, its adaptors and surrogate
    weights "scale" in which they train; "rheobase", bytes with the delays and the mask
    conv    "front", "back", "groups": zeros that were put around and between its weights, so that
            every reader sees its sizes
    network "rheobase" of the graph names its populations; each has "lead_steps", and the input
            "sources", the populations of given spikes side by side in it
    others  a layer without a node (dropout, norms) is a Scale of 1 with "rheobase", a Linear of
            zeros where it changes sizes

"rheobase" counts only while the node says the same: a node that another tool has changed is read
as it is now.

A spike is what every tool makes of it: an input of 1 that lasts one step. `CubaLIF` of ours, where
a spike adds its weight to the current at once, is written with w_in = tau_syn/dt.

| NIR | rheobase |
|---|---|
| Affine, Linear, Conv1d, Conv2d | `Linear` (weights transposed), `Conv1d`, `Conv2d` |
| SumPool2d, AvgPool2d, Flatten | `Pool`, `Flatten`, `Reshape` |
| I (r = 1/C), IF (r = 1/C), LI, LIF | `Integrator`, `IF`, `LI`, `LIF` |
| CubaLI, CubaLIF | the same; from other libraries, a population `LI` for the current before |
| Threshold, Delay | `Threshold`; `Delay`, or delays per axon of a `Linear` or `Recurrent` |
| Scale | into the weights beside it |
| population -> (Delay ->) Linear -> same population | `Recurrent` |
| an edge beside the chain | `Skip` |
| populations and what is between them, of an `rb.Network` | `Graph` |

An edge back to its own population takes one step on a grid, so that a `Recurrent` with delays d per
axon is written with Delay d - dt. Delays of single synapses have no node: they are metadata.
"""

from rheobase.io.nir.conventions import CONVENTIONS, Convention
from rheobase.io.nir.read import read_nir
from rheobase.io.nir.write import write_nir

__all__ = ["CONVENTIONS", "Convention", "read_nir", "write_nir"]
