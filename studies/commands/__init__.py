"""The commands of ``lattice-optimize``, one a module; each imports what computes only when it is called."""
