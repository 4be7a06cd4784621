"""What carries events of a plan to where they are delivered: one interface, and one file a carrier."""
