"""Access: organs, people, and the scope within which anybody may read."""
