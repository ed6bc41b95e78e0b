"""Mechanisms in NMODL, written from published equations; NEURON compiles them in tests/peers."""

SQUID = """
TITLE the squid axon
: Hodgkin & Huxley 1952, J Physiol 117:500, with rest at -65 mV
COMMENT
  three gates and a leak
ENDCOMMENT

UNITS {
    (mA) = (milliamp)
    (mV) = (millivolt)
    (S) = (siemens)
}
NEURON {
    SUFFIX squid
    USEION na READ ena WRITE ina
    USEION k READ ek WRITE ik
    NONSPECIFIC_CURRENT il
    RANGE gna, gk, gl, el, minf
    GLOBAL htau
    THREADSAFE
}
PARAMETER {
    gna = 0.12 (S/cm2) <0,1e9>
    gk = 0.036 (S/cm2)
    gl = 0.0003 (S/cm2)
    el = -54.3 (mV)
    celsius (degC)
}
ASSIGNED {
    v (mV)
    ena (mV)
    ek (mV)
    ina (mA/cm2)
    ik (mA/cm2)
    il (mA/cm2)
    minf hinf ninf
    mtau (ms) htau (ms) ntau (ms)
}
STATE { m h n }

INITIAL {
    rates(v)
    m = minf
    h = hinf
    n = ninf
}
BREAKPOINT {
    LOCAL open
    SOLVE states METHOD cnexp
    open = gna*m^3*h
    ina = open*(v - ena)
    ik = gk*n^4*(v - ek)
    il = gl*(v - el)
}
DERIVATIVE states {
    rates(v)
    m' = (minf - m)/mtau
    h' = (hinf - h)/htau
    n' = (ninf - n)/ntau
}
PROCEDURE rates(v (mV)) {
    LOCAL alpha, beta, q10
    TABLE minf, mtau, hinf, htau, ninf, ntau DEPEND celsius FROM -100 TO 100 WITH 200
UNITSOFF
    q10 = 3^((celsius - 6.3)/10)
    alpha = 0.1 * vtrap(-(v + 40), 10)
    beta = 4 * exp(-(v + 65)/18)
    mtau = 1/(q10*(alpha + beta))
    minf = alpha/(alpha + beta)
    alpha = 0.07 * exp(-(v + 65)/20)
    beta = 1/(exp(-(v + 35)/10) + 1)
    htau = 1/(q10*(alpha + beta))
    hinf = alpha/(alpha + beta)
    alpha = 0.01*vtrap(-(v + 55), 10)
    beta = 0.125*exp(-(v + 65)/80)
    ntau = 1/(q10*(alpha + beta))
    ninf = alpha/(alpha + beta)
UNITSON
}
FUNCTION vtrap(x, y) {
    if (fabs(x/y) < 1e-6) {
        vtrap = y*(1 - x/y/2)
    } else {
        vtrap = x/(exp(x/y) - 1)
    }
}
"""

SODIUM = """
: fast sodium of Colbert & Pan 2002 at 34 degrees, in rates without any guard
NEURON {
    SUFFIX nat
    USEION na READ ena WRITE ina
    RANGE gbar, g
}
PARAMETER { gbar = 1 (S/cm2) }
ASSIGNED {
    v (mV)
    ena (mV)
    ina (mA/cm2)
    g (S/cm2)
    minf
    mtau (ms)
    hinf
    htau (ms)
    tadj
}
STATE { m  h }
INITIAL {
    tadj = 2.3^((34 - 21)/10)
    trates(v)
    m = minf
    h = hinf
}
BREAKPOINT {
    SOLVE states METHOD cnexp
    g = gbar*m*m*m*h
    ina = g*(v - ena)
}
DERIVATIVE states {
    trates(v)
    m' = (minf - m)/mtau
    h' = (hinf - h)/htau
}
PROCEDURE trates(v (mV)) {
    LOCAL a, b
    a = 0.182 * (v + 38)/(1 - exp(-(v + 38)/6))
    b = -0.124 * (v + 38)/(1 - exp((v + 38)/6))
    minf = a/(a + b)
    mtau = 1/(a + b)/tadj
    a = -0.015 * (v + 66)/(1 - exp((v + 66)/6))
    b = 0.015 * (v + 66)/(1 - exp(-(v + 66)/6))
    hinf = a/(a + b)
    htau = 1/(a + b)/tadj
}
"""

SLOW = """
: slow potassium of Korngreen & Sakmann 2000 at 34 degrees
NEURON {
    SUFFIX kslow
    USEION k READ ek WRITE ik
    RANGE gbar
}
PARAMETER {
    gbar = 0.0022 (S/cm2)
    shift = 10 (mV)
}
ASSIGNED { v (mV)  ek (mV)  ik (mA/cm2)  minf  mtau (ms)  hinf  htau (ms) }
STATE { m h }
INITIAL { rates()  m = minf  h = hinf }
BREAKPOINT {
    SOLVE states METHOD derivimplicit
    ik = gbar*m*m*h*(v - ek)
}
DERIVATIVE states {
    rates()
    m' = (minf - m)/mtau
    h' = (hinf - h)/htau
}
PROCEDURE rates() {
    LOCAL u, qt
    qt = 2.3^1.3
    u = v + shift
    minf = 1/(1 + exp(-(u + 1)/12))
    if (u < -50) {
        mtau = (1.25 + 175.03*exp(0.026*u))/qt
    } else if (u >= 200) {
        mtau = 1.25/qt
    } else {
        mtau = (1.25 + 13*exp(-0.026*u))/qt
    }
    hinf = 1/(1 + exp((u + 54)/11))
    htau = (360 + (1010 + 24*(u + 55))*exp(-((u + 75)/48)^2))/qt
}
"""

CALCIUM = """
: high-threshold calcium of Reuveni et al. 1993
NEURON {
    SUFFIX cahva
    USEION ca READ eca WRITE ica
    RANGE gbar
}
PARAMETER { gbar = 0.00099 (S/cm2) }
ASSIGNED { v (mV)  eca (mV)  ica (mA/cm2) }
STATE { m h }
INITIAL {
    m = am(v)/(am(v) + bm(v))
    h = ah(v)/(ah(v) + bh(v))
}
BREAKPOINT {
    SOLVE states METHOD cnexp
    ica = gbar*m*m*h*(v - eca)
}
DERIVATIVE states {
    m' = am(v)*(1 - m) - bm(v)*m
    h' = ah(v)*(1 - h) - bh(v)*h
}
FUNCTION am(v (mV)) (/ms) { am = 0.055 (/ms) * (-27 - v)/(exp((-27 - v)/3.8 (mV)) - 1) }
FUNCTION bm(v (mV)) (/ms) { bm = 0.94*exp((-75 - v)/17) }
FUNCTION ah(v (mV)) (/ms) { ah = 0.000457*exp((-13 - v)/50) }
FUNCTION bh(v (mV)) (/ms) { bh = 0.0065/(exp((-v - 15)/28) + 1) }
"""

SHELL = """
: calcium in a shell, Destexhe et al. 1994
NEURON {
    SUFFIX cashell
    USEION ca READ ica WRITE cai
    RANGE gamma, decay, depth, rest
}
UNITS {
    FARADAY = (faraday) (coulombs)
    (mM) = (milli/liter)
}
PARAMETER {
    gamma = 0.05
    decay = 80 (ms)
    depth = 0.1 (um)
    rest = 1e-4 (mM)
}
ASSIGNED { ica (mA/cm2) }
STATE { cai (mM) }
INITIAL { cai = rest }
BREAKPOINT { SOLVE states METHOD cnexp }
DERIVATIVE states {
    cai' = -(10000)*(ica*gamma/(2*FARADAY*depth)) - (cai - rest)/decay
}
"""

CALEAK = """
NEURON { SUFFIX caleak  USEION ca READ eca WRITE ica }
UNITS { (mA) = (milliamp) (mV) = (millivolt) }
PARAMETER { gbar = 1e-5 (mho/cm2) }
ASSIGNED { v (mV) eca (mV) ica (mA/cm2) }
BREAKPOINT { ica = gbar*(v - eca) }
"""

KPOOL = """
NEURON { SUFFIX kpool  USEION ca READ ica  USEION k READ ek WRITE ik  RANGE gbar, c }
UNITS { (mA) = (milliamp) (mV) = (millivolt) (mM) = (milli/liter) }
PARAMETER { gbar = 0.01 (mho/cm2) tau = 80 (ms) k = 10 }
ASSIGNED { v (mV) ek (mV) ik (mA/cm2) ica (mA/cm2) }
STATE { c (mM) }
INITIAL { c = 0 }
BREAKPOINT { SOLVE states METHOD cnexp  ik = gbar*c/(c + 0.001)*(v - ek) }
DERIVATIVE states { c' = -k*ica - c/tau }
"""

KCUR = """
NEURON { SUFFIX kcur  USEION ca READ ica  USEION k READ ek WRITE ik  RANGE gbar, half }
UNITS { (mA) = (milliamp) (mV) = (millivolt) }
PARAMETER { gbar = 0.01 (mho/cm2) half = 0.002 (mA/cm2) }
ASSIGNED { v (mV) ek (mV) ik (mA/cm2) ica (mA/cm2) }
BREAKPOINT { ik = gbar*ica/(ica - half)*(v - ek) }
"""

PUMPNS = """
NEURON { SUFFIX pumpns  USEION ca READ ica, cai WRITE cai  NONSPECIFIC_CURRENT i  RANGE g }
UNITS { (mA) = (milliamp) (mV) = (millivolt) (mM) = (milli/liter) }
PARAMETER { g = 0.001 (mho/cm2) tau = 80 (ms) }
ASSIGNED { v (mV) ica (mA/cm2) i (mA/cm2) }
STATE { cai (mM) }
INITIAL { cai = 5e-5 }
BREAKPOINT { SOLVE states METHOD cnexp  i = g*(v + 20) }
DERIVATIVE states { cai' = -10*ica - (cai - 5e-5)/tau }
"""

PUMPV = """
NEURON { SUFFIX pumpv  USEION ca READ ica, cai WRITE cai }
UNITS { (mA) = (milliamp) (mV) = (millivolt) (mM) = (milli/liter) }
PARAMETER { tau = 80 (ms) }
ASSIGNED { v (mV) ica (mA/cm2) }
STATE { cai (mM) }
INITIAL { cai = 5e-5 }
BREAKPOINT { SOLVE states METHOD cnexp }
DERIVATIVE states { cai' = 1e-6*exp(v/10) - (cai - 5e-5)/tau }
"""

M0PAR = """
NEURON { SUFFIX m0par  USEION k READ ek WRITE ik }
UNITS { (mA) = (milliamp) (mV) = (millivolt) }
PARAMETER { gbar = 0.01 (mho/cm2)  n0 = 0.3 }
ASSIGNED { v (mV) ek (mV) ik (mA/cm2) }
STATE { n }
BREAKPOINT { SOLVE states METHOD cnexp  ik = gbar*n*(v - ek) }
DERIVATIVE states { n' = (0.3 - n)/50 }
"""

SCHEME = """
: potassium of the squid axon as five states, Fitzhugh 1965, J Cell Comp Physiol 66:111
NEURON { SUFFIX kscheme  USEION k READ ek WRITE ik  RANGE gbar }
UNITS { (mA) = (milliamp) (mV) = (millivolt) }
PARAMETER { gbar = 0.036 (mho/cm2) }
ASSIGNED { v (mV) ek (mV) ik (mA/cm2) a (/ms) b (/ms) }
STATE { s0 s1 s2 s3 s4 }
INITIAL { SOLVE kin STEADYSTATE sparse }
BREAKPOINT { SOLVE kin METHOD sparse  ik = gbar*s4*(v - ek) }
KINETIC kin {
  rates(v)
  ~ s0 <-> s1 (4*a, b)
  ~ s1 <-> s2 (3*a, 2*b)
  ~ s2 <-> s3 (2*a, 3*b)
  ~ s3 <-> s4 (a, 4*b)
  CONSERVE s0 + s1 + s2 + s3 + s4 = 1
}
PROCEDURE rates(v (mV)) {
  a = 0.01*(v + 55)/(1 - exp(-(v + 55)/10))
  b = 0.125*exp(-(v + 65)/80)
}
"""

BUFFER = """
: calcium with a buffer, in a shell that it enters and leaves
NEURON { SUFFIX buffered  USEION ca READ ica, cai WRITE cai  USEION k READ ek WRITE ik }
DEFINE SHELLS 3
UNITS {
  (mA) = (milliamp) (mV) = (millivolt) (mM) = (milli/liter) (um) = (micron)
  FARADAY = (faraday) (10000 coulomb)
}
PARAMETER {
  depth = 0.2 (um)  D = 0.2 (um2/ms)  kon = 50 (/mM-ms)  koff = 0.05 (/ms)
  total = 0.05 (mM)  out = 0.05 (/ms)  rest = 1e-4 (mM)  g = 0.001 (mho/cm2)
}
ASSIGNED { v (mV) ica (mA/cm2) cai (mM) ek (mV) ik (mA/cm2) }
STATE { ca[SHELLS] (mM)  free (mM)  bound (mM) }
INITIAL {
  FROM i = 0 TO SHELLS - 1 { ca[i] = rest }
  free = total*koff/(koff + kon*rest)
  bound = total - free
  cai = rest
}
BREAKPOINT { SOLVE kin METHOD sparse  ik = g*cai/(cai + 0.001)*(v - ek) }
KINETIC kin {
  COMPARTMENT i, depth*(i + 1) { ca }
  COMPARTMENT depth { free bound }
  ~ ca[0] << (-ica/(2*FARADAY))
  FROM i = 0 TO SHELLS - 2 { ~ ca[i] <-> ca[i+1] (D/depth, D/depth) }
  ~ ca[0] + free <-> bound (kon*depth, koff*depth)
  ~ ca[0] -> (out*depth)
  ~ ca[0] << (out*depth*rest)
  CONSERVE free + bound = total*depth
  cai = ca[0]
}
"""

RESURGENT = """
: a LINEAR block that finds where a scheme begins
NEURON { SUFFIX blocked  USEION na READ ena WRITE ina }
UNITS { (mA) = (milliamp) (mV) = (millivolt) }
PARAMETER { gbar = 0.01 (mho/cm2)  block = 2 (/ms)  free = 0.2 (/ms) }
ASSIGNED { v (mV) ena (mV) ina (mA/cm2) a (/ms) b (/ms) }
STATE { c o x }
INITIAL { SOLVE start }
BREAKPOINT { SOLVE kin METHOD sparse  ina = gbar*o*(v - ena) }
LINEAR start {
  rates(v)
  ~ a*c = b*o
  ~ o*block = free*x
  ~ c + o + x = 1
}
KINETIC kin {
  rates(v)
  ~ c <-> o (a, b)
  ~ o <-> x (block, free)
  CONSERVE c + o + x = 1
}
PROCEDURE rates(v (mV)) { a = exp((v + 40)/20)  b = exp(-(v + 40)/20) }
"""

RISING = """
: two exponentials with a peak of the weight
NEURON { POINT_PROCESS rising  RANGE tau1, tau2, e, i  NONSPECIFIC_CURRENT i }
UNITS { (nA) = (nanoamp) (mV) = (millivolt) (uS) = (microsiemens) }
PARAMETER { tau1 = 1 (ms) <1e-9,1e9>  tau2 = 8 (ms) <1e-9,1e9>  e = -5 (mV) }
ASSIGNED { v (mV)  i (nA)  factor }
STATE { a (uS)  b (uS) }
INITIAL {
  LOCAL tp
  if (tau1/tau2 > 0.9999) { tau1 = 0.9999*tau2 }
  a = 0
  b = 0
  tp = (tau1*tau2)/(tau2 - tau1)*log(tau2/tau1)
  factor = 1/(exp(-tp/tau2) - exp(-tp/tau1))
}
BREAKPOINT { SOLVE state METHOD cnexp  i = (b - a)*(v - e) }
DERIVATIVE state { a' = -a/tau1  b' = -b/tau2 }
NET_RECEIVE(weight (uS)) {
  a = a + weight*factor
  b = b + weight*factor
}
"""

BLOCKED = """
: AMPA and NMDA receptors of one terminal, whose release is used up and facilitates
: Tsodyks, Uziel & Markram 2000, J Neurosci 20:RC50; Jahr & Stevens 1990, J Neurosci 10:3178
NEURON {
  POINT_PROCESS used
  RANGE tau, tau_n, e, mg, U, tau_rec, tau_facil, ratio
  NONSPECIFIC_CURRENT i
}
PARAMETER {
  tau = 3 (ms)  tau_n = 60 (ms)  e = 0 (mV)  mg = 1 (mM)  ratio = 0.7
  U = 0.3  tau_rec = 120 (ms)  tau_facil = 40 (ms)
}
ASSIGNED { v (mV)  i (nA) }
STATE { g (uS)  n (uS) }
INITIAL { g = 0  n = 0 }
BREAKPOINT {
  SOLVE state METHOD cnexp
  i = (g + n*open(v))*(v - e)
}
DERIVATIVE state { g' = -g/tau  n' = -n/tau_n }
FUNCTION open(v (mV)) { open = 1/(1 + mg/3.57*exp(-0.062*v)) }
NET_RECEIVE(weight (uS), x, u, last (ms)) {
  INITIAL { x = 1  u = 0  last = t }
  x = 1 - (1 - x)*exp(-(t - last)/tau_rec)
  u = u*exp(-(t - last)/tau_facil)
  u = u + U*(1 - u)
  state_discontinuity(g, g + weight*u*x)
  state_discontinuity(n, n + weight*u*x*ratio)
  x = x - u*x
  last = t
}
"""

PULSE = """
: a current that every event adds to
NEURON { POINT_PROCESS pulse  RANGE tau  NONSPECIFIC_CURRENT i }
PARAMETER { tau = 4 (ms) }
ASSIGNED { i (nA) }
STATE { s (nA) }
BREAKPOINT { SOLVE state METHOD cnexp  i = -s }
DERIVATIVE state { s' = -s/tau }
NET_RECEIVE(weight (nA)) { s = s + weight }
"""
