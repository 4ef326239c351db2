"""A Twiss table as TFS text, the format of MAD-X's tables (written only)."""

from __future__ import annotations

from collections.abc import Iterator

from optics import Optics

_COLUMNS = ("s", "betx", "alfx", "mux", "bety", "alfy", "muy", "dx", "dpx", "dy", "dpy", "x", "px", "y", "py")
_WIDTH = 24


def tfs_text(optics: Optics) -> str:
    """TFS table of one lattice: rows at the entrance of each element, the last at the end, dispersion per dp/p."""
    return "\n".join([*_header(optics), *_rows(optics)]) + "\n"


def _header(optics: Optics) -> Iterator[str]:
    particle = optics.particle
    texts = {
        "NAME": "TWISS",
        "TYPE": "TWISS",
        "SEQUENCE": optics.lattice.name.upper(),
        "PARTICLE": particle.species.upper(),
        "ROWS": "values at the entrance of each element, the last row at the end; dispersion per dp/p",
    }
    numbers = {
        "MASS": particle.mass / 1e9,
        "CHARGE": float(particle.charge),
        "ENERGY": particle.total_energy / 1e9,
        "PC": particle.momentum / 1e9,
        "GAMMA": particle.gamma,
        "LENGTH": float(optics.length),
        "Q1": optics.qx,
        "Q2": optics.qy,
    }
    if optics.periodic:
        more = {"DQ1": optics.dqx, "DQ2": optics.dqy, "ALFA": optics.momentum_compaction}
        numbers |= more | {"GAMMATR": optics.gamma_transition}
    for name, text in texts.items():
        yield f'@ {name:<16} %{len(text):02d}s "{text}"'
    for name, number in numbers.items():
        yield f"@ {name:<16} %le  {number!r:>{_WIDTH}}"


def _rows(optics: Optics) -> Iterator[str]:
    table = optics.table
    kinds = [*(element.kind.upper() for element in optics.lattice.elements), "END"]
    yield "* " + " ".join([f"{'NAME':<{_WIDTH}}", f"{'KEYWORD':<20}", *(f"{c.upper():>{_WIDTH}}" for c in _COLUMNS)])
    yield "$ " + " ".join([f"{'%s':<{_WIDTH}}", f"{'%s':<20}", *(f"{'%le':>{_WIDTH}}" for _ in _COLUMNS)])
    for name, kind, row in zip(table.index, kinds, table[list(_COLUMNS)].to_numpy(), strict=True):
        quoted = f'"{str(name).upper()}"'
        values = (f"{float(value)!r:>{_WIDTH}}" for value in row)
        yield "  " + " ".join([f"{quoted:<{_WIDTH}}", f'"{kind}"'.ljust(20), *values])
