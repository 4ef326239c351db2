"""Lattice files made by code, in the manners of laboratories: machines of many kinds, written in many styles.

A machine is a list of MAD-X statements; ``Style`` turns them into the text of a file: upper case, comments of all
kinds, several statements a line, continuation, line ends of other systems, called files. Everything is seeded.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import pi, sin
from pathlib import Path

MAIN = "machine.madx"


@dataclass(frozen=True)
class Machine:
    """Statements (without ``;``), the sequence they define, and for a line the Twiss functions at its start."""

    name: str
    statements: list[str]
    sequence: str
    start: dict[str, float] = field(default_factory=dict)
    coupled: bool = False
    kicked: bool = False


@dataclass(frozen=True)
class Style:
    """How a file is written; ``seed`` decides where things stand."""

    seed: int = 1
    upper: bool = False
    comments: bool = True
    crowded: bool = False
    ends: str = "\n"
    encoding: str = "utf-8"
    called: bool = False

    def write(self, machine: Machine, folder: Path) -> Path:
        """The files of a machine; the path of the main one."""
        dice = random.Random(self.seed)
        texts = {MAIN: machine.statements}
        if self.called:
            cut = (
                next(n for n, text in enumerate(machine.statements) if re.search("quadrupole|multipole|bend", text)) + 1
            )
            texts = {
                MAIN: ["call, file='strengths.str'", *machine.statements[cut:]],
                "strengths.str": [*machine.statements[:cut], "return", "this is never read"],
            }
        for name, statements in texts.items():
            text = "".join(self._pieces(statements, dice))
            (folder / name).write_bytes(text.replace("\n", self.ends).encode(self.encoding))
        return folder / MAIN

    def _pieces(self, statements: list[str], dice: random.Random) -> Iterator[str]:
        yield 'TITLE, "made by code; do not edit"; ! a title\n'
        for text in statements:
            if self.upper:
                text = re.sub(r"[^'\"]+(?=(?:['\"][^'\"]*['\"][^'\"]*)*$)", lambda found: found[0].upper(), text)
            if self.comments:
                text = self._continued(text, dice)
                yield self._comment(dice)
            yield f"{text};{' ' if self.crowded and dice.random() < 0.7 else chr(10)}"

    @staticmethod
    def _continued(text: str, dice: random.Random) -> str:
        """New lines and comments where a statement may have them."""
        return re.sub(
            r", (?![^{(]*[})])",
            lambda found: dice.choice([", ", ", ", ",\n    ", ", ! to be continued;\n  ", " , /* a; b */\n    "]),
            text,
        )

    def _comment(self, dice: random.Random) -> str:
        accent = "aimant d\u00e9focalisant" if self.encoding == "latin-1" else "magnet"
        choices = ["", "", "", f"! {accent}; k1 = 'old'\n", "// that is all; )\n", "\n\n"]
        return dice.choice(choices)


# ---------------------------------------------------------------------------------------------- rings


def focusing(cell: float, length: float, advance: float) -> float:
    """k1 of the quadrupoles of a FODO cell of phase advance ``advance`` [turns], thin lenses."""
    return 4 * sin(pi * advance) / cell / length


def fodo(name: str, beam: str, cells: int, cell: float, per_half: int, quadrupole: float = 0.0) -> Machine:
    """A large ring of equal cells, positions by arithmetic, sextupoles, monitors and idle correctors."""
    lq = quadrupole or cell / 20
    room = cell / 2 - lq - cell / 10
    lb = 0.9 * room / per_half
    statements = [
        "option, -echo, warn, info",
        beam,
        f"ncell = {cells}; lcell = {cell!r}; lq = {lq!r}; lb = {lb!r}",
        f"const ang = twopi/({2 * per_half}*ncell)",
        f"kqf = {focusing(cell, lq, 0.23)!r}; kqd := -kqf*(1+dk); dk = 0.02",
        "ksf = 0.01; ksd := -1.5*ksf",
        "mb: sbend, l=lb, angle:=ang, e1=ang/2, e2:=ang/2",
        "mq: quadrupole, l=lq, calib=1.0",
        "mqf: mq, k1:=kqf",
        "mqd: mq, k1:=kqd",
        f"ms: sextupole, l={cell / 200!r}",
        "msf: ms, k2:=ksf",
        "msd: ms, k2:=ksd",
        "bpm: monitor; ch: hkicker, kick:=ach; cv: vkicker, kick:=acv; ip: marker",
        f"{name}: sequence, refer=entry, l=ncell*lcell",
        "start.ring: ip, at=0",
    ]
    for n in range(cells):
        statements += [
            f"qf.{n}: mqf, at={n}*lcell",
            f"bpm.{n}: bpm, at=lq/2+{cell / 100!r}, from=qf.{n}" if n % 2 else f"bpm, at={n}*lcell+lq+{cell / 100!r}",
            f"msf, at={n * cell + lq + cell / 50!r}",
            f"ch, at={n * cell + lq + cell / 25!r}",
        ]
        first = n * cell + lq + cell / 20
        statements += [f"mb.{n}.{k}: mb, at={first + k * room / per_half!r}" for k in range(per_half)]
        statements += [f"QD.{n}: mqd, at=({n}+0.5)*lcell", f"msd, at={(n + 0.5) * cell + lq + cell / 50!r}"]
        first += cell / 2
        statements += [f"mb.{n}.{k + per_half}: mb, at={first + k * room / per_half!r}" for k in range(per_half)]
        statements += [f"cv.{n}: cv, at={(n + 1) * cell - cell / 100!r}"]
    statements += ["endsequence", f"use, sequence={name}"]
    return Machine(name, [part for text in statements for part in text.split("; ")], name)


def electron_ring() -> Machine:
    return fodo("lepton", "beam, particle=electron, energy=45.6, ex=1e-9", 160, 42.0, 3)


def proton_collider() -> Machine:
    return fodo("collider", "beam, particle=proton, energy=450.0, kbunch=2808", 184, 106.9, 3)


def ion_synchrotron() -> Machine:
    return fodo("sps", "beam, particle=ion, mass=193.687, charge=82, energy=5300", 54, 64.0, 4)


def slow_ring() -> Machine:
    """Protons at beta 0.1."""
    return fodo("slow", "beam, particle=proton, beta=0.1", 8, 4.0, 1)


def combined_function() -> Machine:
    """A ring of combined-function magnets, in pairs, with sextupole and pole-face terms, in nested sequences."""
    statements = [
        "BEAM, PARTICLE=PROTON, PC=3.5",
        "rho0 := lm/(twopi/nmag); nmag = 48; lm = 2.1; gr = 0.37",
        "pr.f: sbend, l:=lm, angle:=twopi/nmag, k1:=gr, k2=-0.05, e1=twopi/nmag/2, e2=0.03",
        "pr.d: pr.f, k1:=-gr*0.98, k2:=0.08, h1=0.05, h2=-0.02, e1:=0.03, e2:=twopi/nmag/2",
        "sx: sextupole, l=0.3, k2=0.3",
        "half: sequence, l=5.6, refer=centre",
        "f1: pr.f, at=lm/2+0.2",
        "sx, at=2.75",
        "d1: pr.d, at=3.1+lm/2",
        "endsequence",
        "ps: sequence, l=134.4, refer=entry",
        *[f"half, at={5.6 * n!r}" for n in range(24)],
        "endsequence",
    ]
    return Machine("combined", [part for text in statements for part in text.split("; ")], "ps")


def rectangular(name: str, arc: bool) -> Machine:
    """A small ring with rectangular bends; their length is the arc's or the straight one."""
    statements = [
        "beam, particle=ion, mass=12*0.9314941, charge=6, energy=12*(0.9314941+0.2)",
        f"option, {'' if arc else '-'}rbarc",
        "nb = 12; alpha = twopi/nb; lstr := 1.4*cos(pi/6)",
        "br: rbend, l:=lstr, angle:=alpha, hgap=0.0, k1=0.0",
        "br.in: br, e1=-0.05; br.out: br, e2=-0.05",
        "q1: quadrupole, l=0.3, k1=kq1; kq1 = 0.8; q2: quadrupole, l=0.3; q2, k1:=-kq2; kq2 = 0.62",
        "q1->k1 = kq1*0.9",
        "d1: drift, l=0.4; d2: drift, l=1.1",
        "cell: line=(q1, d1, br.in, d1, q2, d2)",
        "mirror: line=(-cell)",
        f"{name}: line=(3*(cell, mirror), 3*(cell, -cell))",
    ]
    return Machine(name, [part for text in statements for part in text.split("; ")], name)


def thin_ring() -> Machine:
    """Everything thin: bends with lrad, quadrupoles, sextupoles and octupoles as multipoles, drifts between."""
    statements = [
        "beam, particle=proton, energy=7000.",
        "n = 64; th = twopi/(2*n); kl := 0.09; kx = 0.004",
        "mbt: multipole, knl:={th}, lrad=6.0",
        "mqt: multipole, knl:={0, kl}; mqdt: multipole, knl:={0, -kl*1.05, 0}",
        "mst: multipole, knl:={0, 0, kx, kx*2}, ksl={0, 0, 0}; mdt: multipole, knl={0,0,-0.006}",
        "thin: sequence, l=64*24.0, refer=centre",
    ]
    for n in range(64):
        s = 24.0 * n
        statements += [
            f"mqt, at={s!r}" if n else "mqt, at=0.",
            f"mst, at={s + 0.5!r}",
            f"mb.a{n}: mbt, at={s + 6!r}",
            f"mqdt, at={s + 12!r}",
            f"mdt, at={s + 12.5!r}",
            f"mb.b{n}: mbt, at={s + 18!r}",
        ]
    statements += ["endsequence"]
    return Machine("thin", [part for text in statements for part in text.split("; ")], "thin")


def coupled_ring() -> Machine:
    """Skew quadrupoles, a tilted quadrupole, a tilted bend pair, a solenoid."""
    statements = [
        "beam, particle=proton, gamma=5.0",
        "kf = 0.42; kd := -0.4; a := twopi/24",
        "b: sbend, l=1.6, angle:=a; qf: quadrupole, l=0.5, k1:=kf; qd: quadrupole, l=0.5, k1:=kd",
        "qs: quadrupole, l=0.2, k1s:=0.05; qt: qf, tilt=0.02; sol: solenoid, l=0.8, ks:=0.06",
        "sx: sextupole, l=0.2, k2=0.8, tilt=0.1; d: drift, l=0.6; oc: octupole, l=0.1, k3=5",
        "bt: b, tilt=0.004; bu: b, tilt=-0.004",
        "c: line=(qf, d, b, sx, d, qd, d, b, d)",
        "cs: line=(qt, d, bt, d, qd, qs, d, bu, oc, d)",
        "cl: line=(qf, sol, d, b, d, qd, d, b, d)",
        "coupled: line=(4*c, cs, cl, 2*c, cl, 3*c)",
    ]
    return Machine("coupled", [part for text in statements for part in text.split("; ")], "coupled", coupled=True)


def kicked_ring() -> Machine:
    """Correctors on: a closed orbit of a tenth of a millimetre through sextupoles."""
    base = slow_ring()
    statements = [text.replace("ksf = 0.01", "ksf = 0.5") for text in base.statements]
    at = next(n for n, text in enumerate(statements) if text.startswith("start.ring"))
    head = ["ch.on: hkicker, kick=2e-5", "cv.on: vkicker, kick:=-1e-5"]
    body = [text.replace(": cv,", ": cv.on,") if text.startswith("cv.3:") else text for text in statements[at:]]
    body = [re.sub(r"^ch, ", "ch.1: ch.on, ", text, count=1) if "ch, at=8." in text else text for text in body]
    return Machine("kicked", [*statements[: at - 1], *head, *statements[at - 1 : at], *body], "slow", kicked=True)


def transfer_line() -> Machine:
    """A line that rises by rolled bends, with rotations about the beam, and starts with dispersion."""
    statements = [
        "beam, particle=antiproton, energy=26",
        "q: quadrupole, l=0.8; qa: q, k1=0.21; qb: q, k1:=-0.19; qc: q, k1=0.11, tilt=pi/8",
        "bh: rbend, l=2.4, angle=0.06, e1=0.01; bv: bh, tilt=pi/2, angle:=0.05; bw: bh, tilt:=0.3, angle=-0.04",
        "col: rcollimator, l=0.6; bt: instrument, l=0.1; stp: placeholder, l=0.3; esep: elseparator, l=0.5",
        "ti: sequence, l=60, refer=exit",
        "qa, at=3; bh1: bh, at=8; qb, at=12; bv1: bv, at=16; bv2: bv, at=20; qa2: qa, at=24; col, at=27; qc, at=31",
        "bw1: bw, at=35; qb2: qb, at=39; bt, at=41; stp, at=42; esep, at=43; bv3: bv, at=-3, from=qa3",
        "qa3: qa, at=50; bh2: bh, at=56; last: marker, at=60",
        "endsequence",
    ]
    start = {"betx": 22.0, "alfx": -1.1, "bety": 9.0, "alfy": 0.4, "dx": 1.3, "dpx": 0.02}
    return Machine("line", [part for text in statements for part in text.split("; ")], "ti", start, coupled=True)


def low_beta() -> Machine:
    """Two insertions with betas from 1 m to 4 km in the triplets, placed from the interaction points."""
    triplet = {"mqxa": (26.0, 6.0, "kqx+ktqx1"), "mqxb": (37.0, 11.0, "kqx2"), "mqxc": (48.0, 6.0, "kqx3+ktqx1")}
    statements = [
        "Real Const l.ins = 104.0; REAL CONST l.arc = 856.0",
        "beam, sequence=machine, particle=proton, pc=450.0, bv=1",
        "beam, sequence=unused, particle=proton, pc=450.0, bv=-1",
        "kqx = -0.007001927566712243; kqx2 = 0.006341955061410661; kqx3 = -0.008789476551597205; ktqx1 := 0",
        "kq4 := -0.0022161510253778946; kqf := 0.0093; omk: marker",
        *[
            f"{name}: quadrupole, l={length}, kmax:=205/7000, calib:=205/11950"
            for name, (_, length, _) in triplet.items()
        ],
        "mqm: quadrupole, l=3; mq: mqm; mb: sbend, l:=45, angle:=twopi/32; ip: omk; mscb: hkicker, l=0.5",
        "machine: sequence, refer=centre, l=2*(2*l.ins+l.arc)",
    ]
    for n, at in enumerate(("l.ins", "3*l.ins+l.arc")):
        placed = [(0.0, f"ip{n}: ip, at={at}")]
        for side, sign in (("l", -1), ("r", 1)):
            placed += [
                (
                    sign * centre,
                    f"{name}.{side}{n}: {name}, at={sign * centre}, mech_sep=0.194, slot_id=282126, from=ip{n}",
                )
                for name, (centre, _, _) in triplet.items()
            ]
            placed += [(sign * 82.5, f"q4.{side}{n}: mqm, at={sign * 82.5}, from=ip{n}, polarity=+1, assembly_id=3")]
        for cell in range(8):
            start = 104 + 107.0 * cell
            for k, (name, offset) in enumerate((("mq.f", 1.5), ("mb", 27.5), ("mq.d", 55.0), ("mb", 81.0))):
                placed += [(start + offset, f"{name}.{n}.{cell}.{k}: {name[:2]}, at={start}+{offset}, from=ip{n}")]
        statements += [text for _, text in sorted(placed)]
    statements += ["endsequence; unused: sequence, l=3; ip, at=1; endsequence"]
    for n in range(2):
        for side in "lr":
            statements += [f"{name}.{side}{n}, k1:={k1}" for name, (_, _, k1) in triplet.items()]
            statements += [f"q4.{side}{n}->k1:=kq4"]
        for cell in range(8):
            statements += [f"mq.f.{n}.{cell}.0, k1:=kqf; mq.d.{n}.{cell}.2->k1 := -kqf"]
    return Machine("low.beta", [part for text in statements for part in text.split("; ")], "machine")


MACHINES: tuple[Callable[[], Machine], ...] = (
    electron_ring,
    proton_collider,
    ion_synchrotron,
    slow_ring,
    combined_function,
    lambda: rectangular("rb.arc", True),
    lambda: rectangular("rb.straight", False),
    thin_ring,
    low_beta,
    coupled_ring,
    kicked_ring,
    transfer_line,
)
STYLES = (
    Style(1, comments=False),
    Style(2, upper=True, crowded=True),
    Style(3, ends="\r\n", encoding="latin-1"),
    Style(4, called=True, crowded=True),
)
