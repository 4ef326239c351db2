"""The pieces that charts of every subject are put together from: sliders, limit lines, bars, traces, strips."""
