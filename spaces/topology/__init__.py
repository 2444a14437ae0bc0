"""The NATS-Bench topology space (NAS-Bench-201): its cells, its networks and its tabular benchmark."""
