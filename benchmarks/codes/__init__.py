"""The same rings by our maps, PTC, MAD-X, Xsuite and an integration through the field: how far they are apart."""
