"""What methods rest on: one registry of papers, books and reports, each with its DOI where it has one.

A study's text names those that its numbers were computed with; ``citation`` tells those of one result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from studies.provenance import DISTRIBUTION, toolkit_version


@dataclass(frozen=True)
class Source:
    """A paper, book or report: authors, title and place in ``text``; ``doi`` ("" without one); ``of`` what it is.

    ``url``: where one without a DOI is read. The text of one without either has the number of a report, an ISBN or
    the volume and page of proceedings.
    """

    text: str
    doi: str = ""
    of: str = ""
    url: str = ""

    @property
    def cited(self) -> str:
        """As the references of a report have it."""
        told = f" ({self.of})" if self.of else ""
        found = f"doi:{self.doi}" if self.doi else self.url
        return f"{self.text}{', ' if found else ''}{found}{told}."


class Told(Protocol):
    """What a citation needs of a result."""

    @property
    def title(self) -> str:
        """Of the study."""

    @property
    def references(self) -> tuple[str, ...]:
        """What its methods and its machine rest on."""


_ALL = {
    "autin-1973": Source(
        "B. Autin, Y. Marti, Closed orbit correction of A.G. machines using a small number of magnets, CERN "
        "ISR-MA/73-17"
    ),
    "barnes-2010": Source(
        "M. J. Barnes, J. Borburgh, B. Goddard, M. Hourican, Injection and extraction magnets: septa, "
        "CERN-2010-004, 167"
    ),
    "benedikt-1997": Source("M. Benedikt, C. Carli, Matching to gantries for medical synchrotrons, Proc. PAC 1997"),
    "blank-2020": Source(
        "J. Blank, K. Deb, pymoo: multi-objective optimization in Python, IEEE Access 8, 89497 (2020)",
        "10.1109/ACCESS.2020.2990567",
    ),
    "bortfeld-1997": Source(
        "T. Bortfeld, An analytical approximation of the Bragg curve for therapeutic proton beams, Med. Phys. 24,"
        " 2024 (1997)",
        "10.1118/1.598116",
    ),
    "brown-1982": Source(
        "K. Brown, A first- and second-order matrix theory for the design of beam transport systems, SLAC-75, 1982"
    ),
    "clopper-1934": Source(
        "C. J. Clopper, E. S. Pearson, The use of confidence or fiducial limits, Biometrika 26, 404 (1934)",
        "10.1093/biomet/26.4.404",
    ),
    "cnao-settings": Source(
        "github.com/CNAO/optics, synchro/LGEN (operational settings against energy, 2021), synchro/macros.cmdx"
    ),
    "courant-1958": Source(
        "E. D. Courant, H. S. Snyder, Theory of the alternating-gradient synchrotron, Annals of Physics 3, 1 (1958)",
        "10.1016/0003-4916(58)90012-5",
    ),
    "deb-2002": Source(
        "K. Deb, A. Pratap, S. Agarwal, T. Meyarivan, A fast and elitist multiobjective genetic algorithm: "
        "NSGA-II, IEEE Trans. Evol. Comput. 6, 182 (2002)",
        "10.1109/4235.996017",
    ),
    "edwards-1973": Source(
        "D. A. Edwards, L. C. Teng, Parametrization of linear coupled motion in periodic systems, IEEE Trans. "
        "Nucl. Sci. 20, 885 (1973)",
        "10.1109/TNS.1973.4327279",
    ),
    "forest-1998": Source(
        "E. Forest, Beam Dynamics: A New Attitude and Framework, Harwood, 1998, ISBN 90-5702-574-4",
        of="maps of bends and fringes",
    ),
    "glen-2012": Source(
        "G. Glen, K. Isaacs, Estimating Sobol indices using correlations, Environ. Model. Softw. 37, 157 (2012)",
        "10.1016/j.envsoft.2012.03.014",
    ),
    "gottschalk-1993": Source(
        "B. Gottschalk et al., Multiple Coulomb scattering of 160 MeV protons, Nucl. Instr. Meth. B 74, 467 (1993)",
        "10.1016/0168-583X(93)95944-Z",
    ),
    "guckenheimer-1983": Source(
        "J. Guckenheimer, P. Holmes, Nonlinear Oscillations, Dynamical Systems, and Bifurcations of Vector "
        "Fields, Springer, 1983",
        "10.1007/978-1-4612-1140-2",
        of="invariant manifolds",
    ),
    "gumbel-1950": Source(
        "E. J. Gumbel, H. von Schelling, The distribution of the number of exceedances, Ann. Math. Stat. 21, 247 (1950)"
    ),
    "haettner-2006": Source(
        "E. Haettner, H. Iwase, D. Schardt, Experimental fragmentation studies with 12C therapy beams, Rad. Prot."
        " Dosim. 122, 485 (2006)"
    ),
    "hardt-1981": Source("W. Hardt, Ultraslow extraction out of LEAR, CERN PS/DL/LEAR Note 81-6, 1981"),
    "iadarola-2024": Source(
        "G. Iadarola et al., Xsuite: an integrated beam physics simulation framework, HB2023, TUA2I1 (2024)",
        "10.18429/JACoW-HB2023-TUA2I1",
    ),
    "icru-78": Source(
        "ICRU Report 78, Prescribing, recording, and reporting proton-beam therapy, 2007",
        "10.1093/jicru/ndm041",
    ),
    "iwata-2010": Source(
        "Y. Iwata et al., Multiple-energy operation with extended flattops at HIMAC, Nucl. Instr. Meth. A 624, 33"
        " (2010)"
    ),
    "jin-2011": Source(
        "Y. Jin, Surrogate-assisted evolutionary computation: recent advances and future challenges, Swarm Evol. "
        "Comput. 1, 61 (2011)",
        "10.1016/j.swevo.2011.05.001",
    ),
    "julier-1997": Source(
        "S. J. Julier, J. K. Uhlmann, New extension of the Kalman filter to nonlinear systems, Proc. SPIE 3068 (1997)",
        "10.1117/12.280797",
    ),
    "kobayashi-1967": Source(
        "Y. Kobayashi, H. Takahashi, Improvement of the emittance in the resonant beam ejection, Proc. HEACC 1967, 347"
    ),
    "lee": Source(
        "S. Y. Lee, Accelerator Physics, World Scientific, 3rd edition, 2011, chapter 3",
        "10.1142/8335",
        of="buckets, synchronous phase",
    ),
    "levenberg-1944": Source(
        "K. Levenberg, A method for the solution of certain non-linear problems in least squares, Quart. Appl. "
        "Math. 2, 164 (1944)",
        "10.1090/qam/10666",
    ),
    "liang-2022": Source(
        "X. Liang et al., Investigation of the impact of machine operating parameters on beam delivery time ... "
        "for synchrotron-based proton pencil beam spot scanning system, Front. Oncol. 12, 1036139 (2022)",
        "10.3389/fonc.2022.1036139",
    ),
    "madsen-2004": Source(
        "K. Madsen, H. Nielsen, O. Tingleff, Methods for non-linear least squares problems, DTU Informatics, 2004",
        url="www2.imm.dtu.dk/pubdb/edoc/imm3215.pdf",
    ),
    "magnus-1954": Source(
        "W. Magnus, On the exponential solution of differential equations for a linear operator, Commun. Pure "
        "Appl. Math. 7, 649 (1954)",
        "10.1002/cpa.3160070404",
        of="second order of a gap",
    ),
    "pimms-1": Source(
        "P. J. Bryant et al., Proton-Ion Medical Machine Study (PIMMS), Part I, CERN/PS 99-010 (DI), 1999, chapter 3",
        url="cds.cern.ch/record/385378",
    ),
    "pimms-2": Source(
        "P. J. Bryant et al., Proton-Ion Medical Machine Study (PIMMS), Part II, CERN/PS 2000-007 (DR), 2000"
    ),
    "pimms-2-spill": Source(
        "L. Badano et al., Proton-Ion Medical Machine Study (PIMMS), Part II, CERN/PS 2000-007 (DR), 2000, chapter 4"
    ),
    "regis-2007": Source(
        "R. G. Regis, C. A. Shoemaker, A stochastic radial basis function method for the global optimization of "
        "expensive functions, INFORMS J. Comput. 19, 497 (2007)",
        "10.1287/ijoc.1060.0182",
    ),
    "sagan-1999": Source(
        "D. Sagan, D. Rubin, Linear analysis of coupled lattices, Phys. Rev. ST Accel. Beams 2, 074001 (1999)",
        "10.1103/PhysRevSTAB.2.074001",
    ),
    "simpson-1949": Source(
        "E. H. Simpson, Measurement of diversity, Nature 163, 688 (1949)",
        "10.1038/163688a0",
        of="pairs of particles in one bin",
    ),
    "sobol-2001": Source(
        "I. M. Sobol, Global sensitivity indices for nonlinear mathematical models, Math. Comput. Simul. 55, 271 "
        "(2001)",
        "10.1016/S0378-4754(00)00270-6",
    ),
    "squire-1998": Source(
        "W. Squire, G. Trapp, Using complex variables to estimate derivatives of real functions, SIAM Rev. 40, "
        "110 (1998)",
        "10.1137/S003614459631241X",
    ),
    "welch-1967": Source(
        "P. D. Welch, The use of fast Fourier transform for the estimation of power spectra, IEEE Trans. Audio "
        "Electroacoust. 15, 70 (1967)",
        "10.1109/TAU.1967.1161901",
    ),
    "wilson-1927": Source(
        "E. B. Wilson, Probable inference, the law of succession, and statistical inference, J. Am. Stat. Assoc. "
        "22, 209 (1927)",
        "10.1080/01621459.1927.10502953",
    ),
    "zitzler-1999": Source(
        "E. Zitzler, L. Thiele, Multiobjective evolutionary algorithms, IEEE Trans. Evol. Comput. 3, 257 (1999)",
        "10.1109/4235.797969",
        of="hypervolume",
    ),
}
#: Every source by a key of its first author and year.
SOURCES: Mapping[str, Source] = MappingProxyType(_ALL)


def cited(*keys: str) -> tuple[str, ...]:
    """Sources as the references of a report have them, by their keys in ``SOURCES``."""
    return tuple(SOURCES[key].cited for key in keys)


def citation(result: Told) -> str:
    """How to cite a result: the toolkit with its version, and what this very result rests on, numbered, with DOIs.

    ``result``: what a study gives, or ``studies.runs.store.read_run`` of a run folder.

    >>> class Result:
    ...     title, references = "Optics of CNAO", cited("hardt-1981")
    >>> print(citation(Result()).splitlines()[-1])
    [1] W. Hardt, Ultraslow extraction out of LEAR, CERN PS/DL/LEAR Note 81-6, 1981.
    """
    head = f"{result.title}, computed with {DISTRIBUTION} {toolkit_version()} (see CITATION.cff). It rests on:"
    numbered = (f"[{number}] {one}" for number, one in enumerate(dict.fromkeys(result.references), 1))
    return "\n".join([head, *numbered])
