"""What is kept of each lane, and what is written down of a particle that leaves: numbers of rows and columns.

Row k of lane i is at k LANES + i of a flat array, so that a loop over the lanes reads and writes without gaps: the
compiler then computes several particles with one instruction.
"""

from __future__ import annotations

LANES = 32

#: Rows of ``state``: coordinates, delta without the schedule's shift, time, phase in the buckets' RF, fate.
X, PX, Y, PY, OWN_DELTA, CLOCK, PHASE, STATUS = range(8)
N_STATE = 8
#: Columns of ``record``: of what left, when, where and with which coordinates; the cut is -1 at the septum.
TURN, TIME, X_LEFT, PX_LEFT, Y_LEFT, PY_LEFT, DELTA_LEFT, CUT = range(8)
N_RECORD = 8

#: Rows of a group's own memory: momentum in the maps' units, px to slope, phase of the exciter and its turn, ...
T, SLOPE, REAL, IMAGINARY, TURN_REAL, TURN_IMAGINARY, TIME_SLOPE, AHEAD = range(8)
#: ... squares of amplitudes proven to stay inside all openings, and inside these and the wires; the test's slopes.
LIMIT_X, LIMIT_Y, QUICK_X, QUICK_Y, LEAN_X, LEAN_Y = range(8, 14)
#: Which of the proof's levels these are.
LEVEL = 14
#: Four rows each: coordinates about the orbit as a turn begins, absolute ones of what leaves, the orbit before.
HERE, BEFORE, ORBIT_BEFORE = 15, 19, 23
N_OWN = 27
