"""What happens to a run: experiments, data, the loop, checkpoints, cost, workers and the command line."""
