"""One report over many finished runs, for a board that reviews a machine; nothing is computed."""
