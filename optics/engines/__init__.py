"""The second engines, and our optics beside theirs."""
