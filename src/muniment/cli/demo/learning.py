"""A real model on real data: 569 biopsies, 30 measurements each, and whether the tumour was malignant.

The data ship with scikit-learn (Breast Cancer Wisconsin, Diagnostic). They are used in the order in which the file has them:
nothing is shuffled and no seed is chosen, so that every run, anywhere, trains the same three models.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any, Literal

import msgspec

from muniment.errors import MunimentError

THRESHOLD = 0.5

Part = Literal["north", "south", "training", "test", "later"]
# Those of the two clinics together are those for training; the last 100 patients stand for those who come once the model serves.
_PARTS: dict[Part, slice] = {
    "north": slice(0, 249),
    "south": slice(249, 369),
    "training": slice(0, 369),
    "test": slice(369, 469),
    "later": slice(469, 569),
}


class Score(msgspec.Struct, frozen=True):
    """How a model did on some patients: counts, and the two shares that are recorded."""

    patients: int
    right: int
    malignant: int
    missed: int

    @property
    def accuracy(self) -> float:
        """The share of patients for whom it was right."""
        return self.right / self.patients

    @property
    def recall(self) -> float:
        """The share of malignant tumours that it found."""
        return (self.malignant - self.missed) / self.malignant

    def metrics(self) -> dict[str, float]:
        """What is recorded."""
        return {"accuracy": self.accuracy, "recall": self.recall}

    def sentence(self) -> str:
        """The score as people say it."""
        return f"right for {self.right} of {self.patients} patients, missed {self.missed} of {self.malignant} tumours"


class Biopsies:
    """The data set. Loading it takes scikit-learn, which is imported here and nowhere else."""

    def __init__(self, names: list[str], values: Any, malignant: Any) -> None:
        self.names = names
        self._values = values
        self._malignant = malignant

    @classmethod
    def load(cls) -> Biopsies:
        """Read the data set that ships with scikit-learn. Raises MunimentError (`no-scikit-learn`)."""
        try:
            from sklearn.datasets import load_breast_cancer
        except ImportError as error:
            raise MunimentError(
                f"the demo trains a real model, and scikit-learn is not installed here ({error})",
                code="no-scikit-learn",
                hint="Install it with `pip install 'muniment[demo]'`, or run `make demo` in the repository.",
            ) from None
        found = load_breast_cancer()
        # The file says 0 for malignant; people expect 1 for what is looked for.
        return cls([name.replace(" ", "_") for name in found.feature_names], found.data, (found.target == 0).astype(int))

    def write(self, part: Part, path: Path) -> int:
        """Write one part as CSV; returns how many patients it has."""
        values, malignant = self._values[_PARTS[part]], self._malignant[_PARTS[part]]
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([*self.names, "malignant"])
            writer.writerows([*map(float, row), int(label)] for row, label in zip(values, malignant, strict=True))
        return len(malignant)

    def fit(self, c: float) -> Any:
        """Train a logistic regression on the training part. The greater `c`, the closer it clings to those patients."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        # This solver goes to the one optimum in a dozen steps: the result does not depend on where it gives up.
        model = make_pipeline(StandardScaler(), LogisticRegression(C=c, solver="newton-cholesky", max_iter=200))
        return model.fit(self._values[_PARTS["training"]], self._malignant[_PARTS["training"]])

    def score(self, model: Any, part: Part) -> Score:
        """Ask a model about the patients of one part."""
        malignant = self._malignant[_PARTS[part]] == 1
        said = model.predict_proba(self._values[_PARTS[part]])[:, 1] >= THRESHOLD
        return Score(
            patients=len(malignant),
            right=int((said == malignant).sum()),
            malignant=int(malignant.sum()),
            missed=int((malignant & ~said).sum()),
        )

    def measure_auc(self, model: Any, part: Part) -> float:
        """The area under the model's ROC curve for one part."""
        from sklearn.metrics import roc_auc_score

        said = model.predict_proba(self._values[_PARTS[part]])[:, 1]
        return float(roc_auc_score(self._malignant[_PARTS[part]], said))

    def save(self, model: Any, c: float, folder: Path) -> None:
        """Save a model as people do: settings, learned numbers, measurements, and the object itself."""
        import joblib  # type: ignore[import-untyped]

        folder.mkdir()
        scaler, regression = model[0], model[-1]
        _write(folder / "config.json", {"kind": "logistic-regression", "C": c, "threshold": THRESHOLD, "features": self.names})
        _write(
            folder / "coefficients.json",
            {
                "mean": scaler.mean_.tolist(),
                "scale": scaler.scale_.tolist(),
                "weights": regression.coef_[0].tolist(),
                "intercept": regression.intercept_[0].item(),
            },
        )
        _write(folder / "metrics.json", {part: self.score(model, part).metrics() for part in ("training", "test")})
        joblib.dump(model, folder / "model.joblib")


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
