"""What is told: scenarios, who is in the world, and the log events of a story as time passes."""
