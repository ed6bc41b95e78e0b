"""What a parameter is to the neuron that has it, whatever it is called."""

import enum


class Role(enum.Enum):
    """The part that a parameter plays, as `quantity(..., role=Role.RESISTANCE)` declares it.

    What works on any neuron asks for roles, not for names: a fit to a recording, which begins at
    the time constant, the resistance and the threshold of the data; training, which measures
    potentials by the distance from rest to threshold; a synapse whose weight is a voltage, which
    needs the resistance to make a current of it. A parameter without a role is left to the fit.

    **Example:**

        >>> import rheobase as rb
        >>> [name for name, p in rb.units.parameters(rb.LIF).items() if p.role is not None]
        ['tau', 'R', 'v_rest', 'v_th', 'v_reset']
    """

    TIME_CONSTANT = "time constant of the membrane"
    RESISTANCE = "resistance of the membrane"
    CAPACITANCE = "capacitance of the membrane"
    LEAK = "conductance of the leak"
    REST = "voltage at rest"
    THRESHOLD = "voltage at which a spike begins"
    PEAK = "voltage that counts as a spike, where an upstroke is cut off"
    RESET = "voltage after a spike"
    SLOPE = "width of the upstroke"
    COUPLING = "conductance of the adaptation below the threshold"
    JUMP = "current of the adaptation that a spike adds"
    LIFT = "voltage by which a spike lifts the threshold"
    ADAPTATION_TIME = "time constant of the current of the adaptation"
    LIFT_TIME = "time constant of the lifted threshold"
