"""ENAS' controller: a recurrent network that writes an architecture choice by choice."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn


class Controller(nn.Module):
    """p(architecture) = product over choices t of softmax(c tanh(head(h_t) / T)) (Pham et al. 2018, Section 2.4).

    h_t is the output of an LSTM that reads the embedding of choice t - 1; choices with equally many options have one
    head and one embedding in common. Weights start uniform in [-0.1, 0.1]; sizes and constants are those of
    NAS-Bench-201's code.
    """

    def __init__(
        self,
        options: Sequence[int],
        *,
        generator: torch.Generator,
        hidden_size: int = 32,
        layers: int = 2,
        tanh_constant: float = 2.5,
        temperature: float = 5.0,
    ) -> None:
        super().__init__()
        self.options = tuple(options)
        self.tanh_constant, self.temperature = tanh_constant, temperature
        self.first_input = nn.Parameter(torch.empty(hidden_size))
        self.lstm = nn.LSTM(hidden_size, hidden_size, num_layers=layers)
        kinds = sorted(set(options))
        self.embeddings = nn.ModuleDict({str(kind): nn.Embedding(kind, hidden_size) for kind in kinds})
        self.heads = nn.ModuleDict({str(kind): nn.Linear(hidden_size, kind) for kind in kinds})
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.uniform_(-0.1, 0.1, generator=generator)

    def forward(self, picks: Tensor) -> tuple[Tensor, Tensor]:
        """Picked options (N, choices) -> (log p of each row, entropies of its choices' distributions summed), (N,)."""
        inputs = [self.first_input.expand(len(picks), -1)]
        for choice, kind in enumerate(self.options[:-1]):
            inputs.append(self.embeddings[str(kind)](picks[:, choice]))
        outputs, _ = self.lstm(torch.stack(inputs))
        log_probability = entropy = outputs.new_zeros(len(picks))
        for choice, output in enumerate(outputs):
            rows = self._logits(output, choice).log_softmax(dim=-1)
            log_probability = log_probability + rows.gather(1, picks[:, choice, None])[:, 0]
            entropy = entropy - (rows.exp() * rows).sum(dim=-1)
        return log_probability, entropy

    def draw(self, count: int, generator: np.random.Generator) -> Tensor:
        """`count` independent draws, (count, choices)."""

        def gumbel_max(logits: Tensor) -> Tensor:
            return (logits + torch.from_numpy(generator.gumbel(size=logits.shape))).argmax(dim=-1)

        return self._write(count, gumbel_max)

    def likeliest(self) -> Tensor:
        """The likeliest option of every choice, given those before, (choices,)."""
        return self._write(1, lambda logits: logits.argmax(dim=-1))[0]

    @torch.no_grad()
    def _write(self, count: int, pick: Callable[[Tensor], Tensor]) -> Tensor:
        inputs, state, picks = self.first_input.expand(1, count, -1).contiguous(), None, []
        for choice, kind in enumerate(self.options):
            outputs, state = self.lstm(inputs, state)
            picks.append(pick(self._logits(outputs[0], choice)))
            inputs = self.embeddings[str(kind)](picks[-1])[None]
        return torch.stack(picks, dim=1)

    def _logits(self, output: Tensor, choice: int) -> Tensor:
        logits = self.heads[str(self.options[choice])](output)
        return self.tanh_constant * torch.tanh(logits / self.temperature)


__all__ = ["Controller"]
