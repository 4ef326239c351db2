"""MAD-X through cpymad, where that is installed, with a lattice in it: numbers only, whatever names the lattice has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from tempfile import TemporaryDirectory
from typing import Any

from lattice import Element, FileError, Lattice, LatticeError, ReferenceParticle


@contextmanager
def madx_holding(lattice: Lattice, particle: ReferenceParticle) -> Iterator[Any]:
    """A MAD-X that has read the lattice as its sequence ``ring``; it is gone at the end, with the files it left.

    Raises FileError without cpymad, LatticeError naming an element that MAD-X cannot express.
    """
    text = madx_text(lattice, particle)
    with TemporaryDirectory() as folder:
        madx = _started(folder)
        try:
            madx.input(text)
            yield madx
        finally:
            madx.quit()


def _started(folder: str) -> Any:
    try:
        from cpymad.madx import Madx
    except ImportError:
        raise FileError(
            "MAD-X and its PTC are driven through cpymad, which is not installed: pip install 'hadron-optics[madx]'"
        ) from None
    return Madx(stdout=False, cwd=folder)


def madx_version(madx: Any) -> str:
    """What runs, and through what."""
    return f"MAD-X {madx.version.release} (cpymad {version('cpymad')})"


def madx_text(lattice: Lattice, particle: ReferenceParticle) -> str:
    """MAD-X input with numbers only; elements are numbered, so that any name will do."""
    beam = f"beam, particle=ion, mass={particle.mass * 1e-9!r}, charge={particle.charge}, energy="
    lines = [f"{beam}{particle.total_energy * 1e-9!r};"]
    unique, indices = lattice.unique_elements
    lines += [f"e{n}: {_definition(lattice.resolved(element))};" for n, element in enumerate(unique)]
    lines += [f"ring: line=({','.join(f'e{n}' for n in indices)});", "use, sequence=ring;"]
    return "\n".join(lines)


def _definition(element: Element) -> str:
    writer = _WRITERS.get(element.kind)
    if writer is not None:
        return writer(element)
    if element.kind == "rfgap":
        raise LatticeError(f"RFGap '{element.name}': MAD-X has no element for the gap of a linac cell")
    length = element.strengths().get("length", 0.0)
    return f"drift, l={length!r}" if length else "marker"


def _with(kind: str, **attributes: Any) -> str:
    return ", ".join([kind, *(f"{name}={value!r}" for name, value in attributes.items())])


def _bend(bend: Any) -> str:
    fintx = bend.fint if bend.fintx is None else bend.fintx
    field = {} if bend.k0 is None else {"k0": bend.k0}
    body = {"l": bend.length, "angle": bend.angle, "k1": bend.k1, "k2": bend.k2, "tilt": bend.tilt, **field}
    faces = {"e1": bend.e1, "e2": bend.e2, "h1": bend.h1, "h2": bend.h2, "hgap": bend.hgap}
    cuts = [f", {cut}=true" for cut in ("kill_ent_fringe", "kill_exi_fringe") if getattr(bend, cut)]
    return _with("sbend", **body, **faces, fint=bend.fint, fintx=fintx) + "".join(cuts)


def _multipole(multipole: Any) -> str:
    knl, ksl = (", ".join(map(repr, strengths or (0.0,))) for strengths in (multipole.knl, multipole.ksl))
    return f"multipole, knl={{{knl}}}, ksl={{{ksl}}}, lrad={multipole.lrad!r}, tilt={multipole.tilt!r}"


_WRITERS: dict[str, Callable[[Any], str]] = {
    "bend": _bend,
    "quadrupole": lambda e: _with("quadrupole", l=e.length, k1=e.k1, k1s=e.k1s, tilt=e.tilt),
    "sextupole": lambda e: _with("sextupole", l=e.length, k2=e.k2, k2s=e.k2s, tilt=e.tilt),
    "octupole": lambda e: _with("octupole", l=e.length, k3=e.k3, k3s=e.k3s, tilt=e.tilt),
    "multipole": _multipole,
    "solenoid": lambda e: _with("solenoid", l=e.length, ks=e.ks),
    "kicker": lambda e: _with("kicker", l=e.length, hkick=e.hkick, vkick=e.vkick, tilt=e.tilt),
    "thinsolenoid": lambda e: _with("solenoid", l=0.0, ks=e.ks, ksi=e.ksi),
    "dipoleedge": lambda e: _with("dipedge", h=e.h, e1=e.e1, hgap=e.hgap, fint=e.fint, tilt=e.tilt),
    "srotation": lambda e: _with("srotation", angle=e.angle),
    "xrotation": lambda e: _with("xrotation", angle=e.angle),
    "yrotation": lambda e: _with("yrotation", angle=e.angle),
    "translation": lambda e: _with("translation", dx=e.dx, dy=e.dy, ds=e.ds),
    "separator": lambda e: _with("elseparator", l=e.length, ex=e.ex * 1e-6, ey=e.ey * 1e-6, tilt=e.tilt),
}


def available() -> bool:
    """True where cpymad is installed."""
    try:
        version("cpymad")
    except PackageNotFoundError:
        return False
    return True
