"""Which points a search computes next: of generations, of models of what was computed, of slopes."""
