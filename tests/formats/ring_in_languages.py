"""One small ring, written by hand in the languages that are read; with MAD-X's reading of the first as the reference.

Ten bends (six sector bends with faces, a gap and a gradient, four rectangular ones), a line that is reflected, a rolled
quadrupole, a solenoid, thin and thick multipoles, correctors that are off, a cavity, a collimator, a monitor.
"""

from __future__ import annotations

MADX = """
beam, particle=proton, pc=0.34;
kf = 0.95; kd := 0.47*kf; ks = 2.5; turn := twopi/10; gap = 0.03; lq = 0.3;
qf: quadrupole, l=lq, k1:=kf; qd: quadrupole, l=lq, k1:=kd;
qs: quadrupole, l=0.1, k1:=0.3*kf, tilt=0.4;
mb: sbend, l=1.2, angle:=turn, e1=0.1, e2=0.2, hgap:=gap, fint=0.45, k1=0.02;
mr: sbend, l=1.2, angle:=turn, e1=0.2, e2=0.1, hgap:=gap, fint=0.45, k1=0.02;
rb: rbend, l=1.1, angle:=turn, e1=0.02, e2=-0.01;
sx: sextupole, l=0.2, k2:=ks; sy: sextupole, l=0.2, k2:=-1.5*ks, tilt=0.1;
oc: octupole, l=0.1, k3=12; mp: multipole, knl={0, 0.02, 0.3}; m3: multipole, knl={0, 0, 0, 1.5};
so: solenoid, l=0.3, ks=0.08; hk: hkicker, l=0.1; vk: vkicker; kk: kicker, l=0.05;
rf: rfcavity, l=0.2, volt=0.01, freq=1.3, lag=0.5; bpm: monitor, l=0.05; mk: marker;
co: rcollimator, l=0.1, apertype=rectangle, aperture={0.04, 0.03};
d1: drift, l=0.4; d2: drift, l=0.55; d3: drift, l=0.15;
half: line=(qf, d1, sx, d3, mb, d2, qd, d1, sy, d3);
flah: line=(d3, sy, d1, qd, d2, mr, d3, sx, d1, qf);
mids: line=(bpm, d3, rb, mk, d2);
ring: line=(half, mids, qs, co, flah, so, 2*half, m3, mids, mp, hk, oc, mids, 2*flah, vk, kk, mids, rf);
"""
#: What MAD-X finds of it is what each of the others must give.
ELEGANT = """! The same ring in elegant's language.
% 0.95 sto kf
% kf 0.47 * sto kd
% 2.5 sto ks
% pi 5 / sto turn
% 0.03 sto gap
% 0.3 sto lq
QF: QUADRUPOLE, L="lq", K1="kf"
QD: KQUAD, L="lq", K1="kd", N_KICKS=16
QS: QUAD, L=0.1, K1="0.3 kf *", &
! a comment between the lines
    TILT=0.4
"M:B": CSBEND, L=1.2, ANGLE="turn", E1=0.1, E2=0.2, HGAP="gap", FINT=0.45, K1=0.02, N_SLICES=20, SYNCH_RAD=1
RB: RBEN, L=1.1, ANGLE="turn", E1=0.02, E2=-0.01
SX: KSEXT, L=0.2, K2="ks"      ! a comment behind
SY: SX, K2="ks 1.5 * chs", TILT=0.1
OC: OCTU, L=0.1, K3=12
MP1: MULT, ORDER=1, KNL=0.02
MP2: MULT, ORDER=2, KNL=0.3
M3: MULT, ORDER=3, KNL=1.5
SO: SOLE, L=0.3, KS=0.08
HK: HKICKER, L=0.1
VK: EVKICK
KK: KICKER, L=0.05, HKICK=0
RF: RFCA, L=0.2, VOLT=1e4, FREQ=1.3E6, PHASE=180
BPM: MONITOR, L=0.05
MK: MARK, FITPOINT=1
CO: RCOL, L=0.1, X_MAX=0.04, Y_MAX=0.03
W: WATCH, FILENAME="%s.w1", MODE="coord"
D1: DRIFT, L=0.4
D2: EDRIFT, L=0.55
D3: CSRDRIFT, L=0.15, CSR=0
HALF: LINE=(QF, D1, SX, D3, "M:B", D2, QD, D1, SY, D3)
MIDS: LINE=(BPM, D3, RB, MK, D2)
RING: LINE=(HALF, MIDS, QS, CO, -HALF, SO, 2*HALF, M3, MIDS, MP1, MP2, HK, OC, &
  MIDS, -2*HALF, VK, KK, MIDS, RF, W)
USE, RING
"""
BMAD = """! The same ring in Bmad's language.
parameter[particle] = proton; parameter[p0c] = 0.34e9
parameter[geometry] = closed
kf = 0.95; kd := 0.47 * kf
ks = 2.5; turn = 36 * degrees
gap = 0.03; lq = 0.3
qf: quadrupole, l = lq, k1 = kf
qd: quad, l = lq, k1 = kd, tracking_method = bmad_standard
qs: quadrupole, l = 0.1,
    k1 = 0.3 * qf[k1]      ! goes on with the comma before
qs[tilt] = 0.4
mb: sbend, l = 1.2, angle = turn, e1 = 0.1, e2 = 0.2, hgap = gap, fint = 0.45, &
    k1 = 0.02
mr: mb, e1 = mb[e2], e2 = 0.1
rb: rbend, l = 1.1, g = 2 * sin(turn / 2) / 1.1, e1 = 0.02, e2 = -0.01
sx: sextupole, l = 0.2, k2 = ks
sy: sx, tilt = 0.1, k2 = -1.5 * ks
oc: octupole, l = 0.1, k3 = 12
mp: ab_multipole, b1 = 0.02, b2 = 0.15
m3: multipole, k3l = 1.5
so: solenoid, l = 0.3, ks = 0.08
hk: hkicker, l = 0.1
vk: vkicker
kk: kicker, l = 0.05, hkick = 0
rf: rfcavity, l = 0.2, voltage = 1e4, rf_frequency = 1.3e6
bpm: monitor, l = 0.05, type = "a monitor, of both planes"
mk: marker
co: rcollimator, l = 0.1, x_limit = 0.04, y_limit = 0.03
d1: drift, l = 0.4
d2: pipe, l = 0.55
d3: drift
drift::d3[l] = 0.15
half: line = (qf, d1, sx, d3, mb, d2, qd, d1, sy, d3)
flah: line = (d3, sy, d1, qd, d2, mr, d3, sx, d1, qf)
mids: line = (bpm, d3, rb, mk, d2)
ring: line = (half, mids, qs, co, flah, so, 2*half, m3, mids, mp, hk, oc, mids,
  2*flah, vk, kk, mids, rf)
use, ring
"""
PALS = """# The same ring as a PALS file.
PALS:
  version: null
  authors:
    - author: {name: us}
  extension_labels:
    names: {Ours: data that no standard has}
  facility:
    - variables:
        kf: 0.95
        kd: 0.47 * kf
    - constants:
        - ks: 2.5
        - turn: expr(36 * degrees)
    - lq: {kind: constant, value: 0.3}
    - gap: {kind: variable, value: 3e-2}
    - d1: {kind: Drift, length: 0.4}
    - d2: {kind: Drift, length: 0.55}
    - d3: {kind: Drift, length: 0.15, MetaP: {description: "a drift: the third"}}
    - qf:
        kind: Quadrupole
        length: lq
        MagneticMultipoleP:
          Kn1: kf
    - qd:
        inherit: qf
        MagneticMultipoleP: {Kn1: kd}
    - qs:
        kind: Quadrupole
        length: 0.1
        MagneticMultipoleP: {Kn1: 0.3 * kf, tilt1: 0.4}
        Ours: {colour: blue}
    - mb:
        kind: Bend
        length: 1.2
        BendP: {angle_ref: turn, e1: 0.1, e2: 0.2, edge1_int: 0.45 * gap, edge2_int: 0.45 * gap}
        MagneticMultipoleP: {Kn1: 0.02}
    - mr:
        inherit: mb
        BendP: {e1: 0.2, e2: 0.1}
    - rb:
        kind: Bend
        BendP: {angle_ref: turn, L_chord: 1.1, e1_rect: 0.02, e2_rect: -0.01}
    - sx:
        kind: Sextupole
        length: 0.2
        MagneticMultipoleP: {Kn2L: 0.2 * ks}
    - sy:
        kind: Sextupole
        length: 0.2
        MagneticMultipoleP: {Kn2: -1.5 * ks, tilt2: 0.1}
    - oc: {kind: Octupole, length: 0.1, MagneticMultipoleP: {Kn3: 12}}
    - mp: {kind: Multipole, MagneticMultipoleP: {Kn1L: 0.02, Kn2L: 0.3}}
    - m3: {kind: Multipole, MagneticMultipoleP: {Kn3L: 1.5}}
    - so: {kind: Solenoid, length: 0.3, SolenoidP: {Ksol: 0.08}}
    - hk: {kind: Kicker, length: 0.1}
    - vk: {kind: Kicker}
    - kk: {kind: Kicker, length: 0.05, MagneticMultipoleP: {Kn0: 0}}
    - rf: {kind: RFCavity, length: 0.2, RFP: {voltage: 1e4, frequency: 1.3e6, phase: 0.25}}
    - bpm: {kind: Instrument, length: 0.05}
    - mk: {kind: Marker}
    - co:
        kind: Drift
        length: 0.1
        ApertureP: {x_min: -0.04, x_max: 0.04, y_width: 0.06, y_center: 0, shape: RECTANGULAR}
    - half:
        kind: BeamLine
        line: [qf, d1, sx, d3, mb, d2, qd, d1, sy, d3]
    - flah:
        kind: BeamLine
        line: [d3, sy, d1, qd, d2, mr, d3, sx, d1, qf]
    - mids:
        kind: BeamLine
        line: [bpm, d3, rb, mk, d2]
    - ring:
        kind: BeamLine
        periodic: true
        line:
          - begin:
              kind: BeginningEle
              ReferenceP: {species_ref: proton, pc_ref: 0.34e9}
          - half
          - mids
          - qs
          - co
          - flah
          - so
          - half: {repeat: 2}
          - m3
          - mids
          - mp
          - hk
          - oc
          - mids
          - flah: {repeat: 2}
          - vk
          - kk
          - mids
          - rf
    - machine:
        kind: Lattice
        branches:
          - ring
    - use: machine
"""
