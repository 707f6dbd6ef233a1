"""Attributes: what a data set's labels and columns say that some of its pictures have and others lack.

A data set declares them beside its builder (``BUILDERS`` in ``build.py`` names them; see ``fashion.py``): two groups of
rows each, told apart by the values of one integer column. ``label`` is the class; a data set with more columns (hair,
mouth) names those. Export turns each into a direction of a model's latent space.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.errors import TrainingError


@dataclass(frozen=True)
class Attribute:
    """Pictures whose `column` is one of `having` have it, those whose column is one of `lacking` lack it.

    Pictures with other values say nothing of it: a bag has neither long sleeves nor short ones.
    """

    name: str
    """As people read it on a slider, for example "Long sleeves"."""
    column: str
    having: tuple[int, ...]
    lacking: tuple[int, ...]

    def groups(self, columns: Mapping[str, NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows that have the attribute, and rows that lack it. columns: int64 [N] by name.

        Raises TrainingError where the data has no such column.
        """
        if self.column not in columns:
            raise TrainingError(f"The attribute '{self.name}' needs a column '{self.column}', which the data has not.")
        values = columns[self.column]
        return np.flatnonzero(np.isin(values, self.having)), np.flatnonzero(np.isin(values, self.lacking))
