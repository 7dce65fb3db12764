"""The cards of the tables that come with scikit-learn."""

from __future__ import annotations

from aecore.data.card import DatasetCard
from aecore.data.modalities import Column, Table
from aecore.data.standardisation import scaling

_IRIS = ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)")
_WINE = (
    "alcohol", "malic acid", "ash", "alcalinity of ash", "magnesium", "total phenols", "flavanoids",
    "nonflavanoid phenols", "proanthocyanins", "color intensity", "hue", "od280/od315", "proline",
)  # fmt: skip
_CELL = (
    "radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave points", "symmetry",
    "fractal dimension",
)  # fmt: skip
_DIABETES = ("age", "sex", "body mass index", "blood pressure", "tc", "ldl", "hdl", "tch", "ltg", "glucose")


def _table(name: str, names: tuple[str, ...], **kinds: Column) -> Table:
    """A table of numbers, standardised over the training rows; `kinds` are its other columns."""
    found = scaling(name)
    numbers = zip(names, found["mean"], found["std"], strict=True)
    return Table(tuple(kinds.get(each, Column(each, mean=mean, std=std)) for each, mean, std in numbers))


def _card(
    name: str, title: str, description: str, short: str, table: Table, classes: tuple[str, ...],
    counts: tuple[int, int, int], source: str, licence: str = "CC BY 4.0",
) -> DatasetCard:  # fmt: skip
    return DatasetCard(
        name, title, description, short, table, classes, *counts, licence, f"{source}; the copy that comes with "
        "scikit-learn", max_value=1, likelihood=table.likelihoods[0], network=table.networks[0], epochs=150,
        batch_size=32, precision="float32",
    )  # fmt: skip


TABLE_CARDS = (
    _card(
        "iris",
        "Iris: 150 flowers",
        "Length and width of the sepals and petals of 150 flowers of three species. The smallest table that everybody "
        "knows: see how little a code needs here.",
        "four lengths of flowers of three species",
        _table("iris", _IRIS),
        ("setosa", "versicolor", "virginica"),
        (108, 12, 30),
        "Fisher (1936), The use of multiple measurements in taxonomic problems, https://doi.org/10.24432/C56C76",
    ),
    _card(
        "wine",
        "Wine: 178 bottles from three vineyards",
        "Thirteen chemical measurements of wines that three growers in one Italian region made.",
        "thirteen chemical measurements of wines from three growers",
        _table("wine", _WINE),
        ("grower 1", "grower 2", "grower 3"),
        (129, 14, 35),
        "Aeberhard & Forina (1992), Wine, https://doi.org/10.24432/C5PC7J",
    ),
    _card(
        "breast-cancer",
        "Breast cancer: cell nuclei of 569 samples",
        "Thirty measurements of the cell nuclei in an image of a tissue sample: of ten properties the mean, its error "
        "and the mean of the three worst. For learning, not for diagnosis.",
        "thirty measurements of cell nuclei in tissue samples",
        _table("breast-cancer", tuple(f"{part} {each}" for part in ("mean", "error of", "worst") for each in _CELL)),
        ("malignant", "benign"),
        (411, 45, 113),
        "Wolberg, Mangasarian, Street & Street (1993), Breast Cancer Wisconsin (Diagnostic), "
        "https://doi.org/10.24432/C5DW2B",
    ),
    _card(
        "diabetes",
        "Diabetes: ten measurements of 442 people",
        "Age, sex, body mass index, blood pressure and six measurements of blood. The class says whether the disease "
        "went on less or more than in the median person in the year that followed.",
        "ten measurements of people with diabetes",
        _table("diabetes", _DIABETES, sex=Column("sex", "boolean", categories=("1", "2"))),
        ("below the median", "above the median"),
        (319, 35, 88),
        "Efron, Hastie, Johnstone & Tibshirani (2004), Least angle regression, "
        "https://www4.stat.ncsu.edu/~boos/var.select/diabetes.html",
        licence="None stated",
    ),
)
