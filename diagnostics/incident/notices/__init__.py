"""What is said to whom, and opened where: proposed, confirmed, delivered exactly once."""
