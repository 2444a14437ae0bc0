"""The DARTS search space: two cells of separable and dilated convolutions, poolings and skip-connections."""
