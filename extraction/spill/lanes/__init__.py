"""The fast turn, compiled: particles side by side in lanes, through sections and kicks."""
