"""What every task gets: the base class, checks of its configuration, its journal and its heartbeat."""
