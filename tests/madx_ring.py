"""A ring as people write it for MAD-X: by hand, over the years, with nearly everything the reader must take."""

from __future__ import annotations

RING = """
TITLE, "A ring written by hand; over twenty years ! or so";  // a comment; with a semicolon
/* a block; of
   comments */
Option, -info, -warn;
beam, particle = proton, energy = pmass + 0.06,
      ex=1e-6;
CONST cell.l = 5.0;   ! a constant
coup = COUPLING; KF := 0.6745 ; KD = -1.47*KF/2 ; ks2 := 0.4*kf^2;
ang = twopi/16; half.ang := ang/2;
lq = 0.35;  LB = 1.2;
MB: SBEND, L=LB, ANGLE:=ang, E1:=half.ang, E2=ang/4, HGAP=0.03, FINT=0.45;
mr : rbend, l=LB, angle=ang, e1=0.02, fintx=0.3, fint=0.5, hgap=0.032, k1=0.01;
mv: mb, tilt=0.0, fintx=0;
Quad: Quadrupole, L=lq, aperture={0.05}, apertype=circle;
QF: quad, K1:=kf; QD: quad, k1 := kd*(1.0+dk)/1; dk = 0.01;
qs: quad, l=0.2, k1s:=0.02*coup, tilt:=0.01*coup;
sx: sextupole, l=0.2, k2:=ks2, tilt:=0.1*coup; oc: octupole, l=0.1, k3=3.0;
mp: multipole, knl:={0, 0.01, ks2/10}, ksl:={0,0.005*coup};
hk: hkicker, l=0.1, kick:=hkick1; vk: vkicker, l=0.1; kk: kicker, l=0.1;
bpm: monitor, l=0.05; ph: placeholder;
sol: solenoid, l=0.3, ks:=0.05*coup;
col: rcollimator, l=0.1, apertype=rectangle, aperture={0.04,0.03}, aper_offset={0.001,0};
rf: rfcavity, l=0.2, volt=0.0, freq=1.3, lag=0.0;
mk: marker;
cell: SEQUENCE, L=cell.l, refer=entry;
  qf, at=0; b.1: mb, at = 0.5; sx, at=1.8; qd, at=2.2, ; b.2: mr, at=2.75;
  bpm, at = 4.2; drift0: drift, l=0.1, at=4.4;
ENDSEQUENCE;
arc2: sequence, l=5, refer=exit;
  qf, at=0.35; b.3: mv, at=1.8; qd, at=2.6; b.4: mb, at=4.1; mp, at=4.2; qs, at=4.6; col, at=4.75;
endsequence;
ring: sequence, refer=centre, l=8*5.0;
  cell, at=2.5; arc2, at=7.5; cell, at=12.5; arc2, at=17.5; cell, at=22.5; arc2, at=27.5; cell, at=32.5;
  start2: mk, at=35; q1: qf, at=35.175; b.5: mb, at=36.2; q2: qd, at=37.1; mb, at=1.0, from=q2;
  sol, at=39.0; hk, at=39.3; oc, at = 39.45; rf, at=39.62; vk, at=39.8; kk, at=39.9; ph, at=39.95; esp2: mk, at=40.0;
endsequence;
QF, K1 := KF*1.001; qd->tilt = 0;
hkick1 = 0;
"""

#: Uncoupled and coupled.
PLAIN_RING = RING.replace("COUPLING", "0")
COUPLED_RING = RING.replace("COUPLING", "1")
