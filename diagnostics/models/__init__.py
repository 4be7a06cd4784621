"""Models that cross the service's door. Import the module you need: each one is cheap on its own."""
