"""`make chaos`: real gateway processes under load, killed at random; afterwards every bill must be right (P1, P2, P5)."""
