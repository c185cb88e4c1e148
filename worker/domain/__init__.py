"""What we know and decide: pure, standard library only; time and chance are arguments."""
