"""What makes a page small: its scripts cut down to what it draws, its data packed."""
