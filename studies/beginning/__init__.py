"""Study files to begin from: what a kind of study needs of a machine or a file, written with every key explained."""
