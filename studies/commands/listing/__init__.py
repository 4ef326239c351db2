"""What `lattice-optimize list` prints: machines and studies, a line each or one in full, and how long they take."""
