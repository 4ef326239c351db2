"""Labels of figures: how large they are, where they stand on a screen or a drawing, and a place for each of its own."""
