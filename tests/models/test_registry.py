"""What families declare: every part of every loss, and that nobody else goes by their names."""

import ast
from pathlib import Path

import pytest
import torch

from aecore.models import loss_terms, presets
from aecore.models.families.build import build_recipe, resolve_config
from aecore.models.families.registry import FAMILIES
from aecore.models.loss_terms import RECONSTRUCTION

ROOT = Path(__file__).resolve().parents[2]
# where names are what is written about: the families, what is said of each, and which models come along
DOCUMENTS = {path.name for path in (ROOT / "aecore/models/families").glob("*.py")} - {
    "build.py",
    "prior_stage.py",
    "registry.py",
}
DOCUMENTS |= {path.name for path in (ROOT / "aecore/content/family_advice").glob("*.py")} | {"gallery.py"}


def final_parts(family: str) -> list[str]:
    """The parts of the loss that the finished model is measured by."""
    recipe = build_recipe(resolve_config(presets.default_config("digits", family=family)))
    recipe.modules.eval()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        p = recipe.forward(torch.rand(8, 1, 8, 8), torch.zeros(8, dtype=torch.long))
        return [name for each in recipe.objectives if each.interval[1] >= 1 for name in each.loss(p)]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_declares_every_part_of_its_loss_and_no_other(family):
    assert {*FAMILIES[family].applying_terms({})} == {*final_parts(family)} - {RECONSTRUCTION}


@pytest.mark.parametrize("family", FAMILIES)
def test_what_it_declares_of_its_settings_are_settings_that_it_has(family):
    declared, own = FAMILIES[family], {param.name for param in FAMILIES[family].params}
    named = {part.weight_param for part in declared.loss_terms.values()} | {
        part.target_param for part in declared.loss_terms.values()
    }
    named |= {declared.corruption} | ({declared.codebook.size, declared.codebook.reset} if declared.codebook else set())
    assert named - {""} <= own


# a nat of KL(q(z|x) || p(z)), as the papers charge it
@pytest.mark.parametrize(
    ("family", "params", "weight"),
    [
        ("vae", {}, 1),
        ("conditional-vae", {}, 1),
        ("semi-supervised-vae", {}, 1),
        ("ladder-vae", {}, 1),
        ("flow-vae", {}, 1),
        ("delta-vae", {"delta": 3}, 1),
        ("real-nvp", {}, 0),
        ("bayesian", {}, 0),
        ("beta-vae", {"beta": 4}, 4),
        ("beta-tcvae", {"beta": 6}, 1),  # its beta weighs total correlation, what a code tells is charged once
        ("info-vae", {"alpha": 0.25, "mmd_weight": 5}, 0.75),
        ("wae", {"mmd_weight": 10}, 0),
        ("aae", {}, 0),
        ("wae-gan", {}, 0),
        ("factor-vae", {"tc_weight": 30}, 1),
        ("vanilla", {}, 0),
    ],
)
def test_the_weight_of_the_kl_is_what_the_loss_charges(family, params, weight):
    assert FAMILIES[family].kl_weight(params) == pytest.approx(weight)


@pytest.mark.parametrize(
    "family",
    [
        "beta-vae",
        "info-vae",
        "wae",
        "sparse",
        "sparse-kl",
        "contractive",
        "vq-vae",
        "aae",
        "wae-gan",
        "factor-vae",
    ],
)
def test_a_declared_weight_is_the_one_in_the_loss(family):
    """Twice the setting that weighs a part makes that part as many times larger as is declared, and no other."""
    usual = resolve_config(presets.default_config("digits", family=family))
    for name, part in FAMILIES[family].applying_terms({}).items():
        if not part.weight_param:
            continue
        doubled = resolve_config(
            presets.default_config(
                "digits", family=family, params={part.weight_param: 2 * usual.params[part.weight_param]}
            )
        )
        before, after = (_losses(config) for config in (usual, doubled))
        assert after[name] / before[name] == pytest.approx(
            part.weight_value(doubled.params) / part.weight_value(usual.params), rel=1e-4
        )
        assert {n: v for n, v in after.items() if n != name} == pytest.approx(
            {n: v for n, v in before.items() if n != name}, rel=1e-4
        )


def _losses(config) -> dict[str, float]:
    recipe = build_recipe(config)
    recipe.modules.eval()
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(0)
        p = recipe.forward(torch.rand(16, 1, 8, 8))
        torch.manual_seed(1)
        return {name: value.item() for each in recipe.objectives for name, value in each.loss(p).items()}


# --- Nobody goes by names ---------------------------------------------------------------------------------------------


def decisions(tree: ast.AST) -> list[tuple[int, str]]:
    """Texts that a module compares something with, looks up in a table of settings, or branches on: line and text."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            found += [(node.lineno, each) for side in (node.left, *node.comparators) for each in _texts(side)]
        if isinstance(node, ast.Subscript) and _is_of_settings(node.value):
            found += [(node.lineno, each) for each in _texts(node.slice)]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            on, what = node.func.value, node.func.attr
            if what == "get" and _is_of_settings(on):
                found += [(node.lineno, each) for each in _texts(node.args[0])]
            if what in ("startswith", "endswith", "removeprefix"):
                found += [(node.lineno, each) for each in _texts(node.args[0])]
        if isinstance(node, ast.MatchValue):
            found += [(node.pattern.lineno, each) for each in _texts(node.value)]
    return found


def _texts(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return [text for each in node.elts for text in _texts(each)]
    return []


def _is_of_settings(node: ast.AST) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name in ("params", "parts", "test", "train", "validation")


def test_no_module_decides_by_the_name_of_a_family_a_setting_or_a_part_of_a_loss():
    params = {param.name for each in FAMILIES.values() for param in each.params}
    names = {*FAMILIES, *(part for each in FAMILIES.values() for part in each.loss_terms), RECONSTRUCTION} | params
    # words that mean something else where they stand: what is noted of a kind of code, a key of the scores, a piece of
    # a packed map, a way of drawing samples, a range of the manifold
    other = {("evidence.py", "kl"), ("doctor.py", "kl"), ("gallery.py", "denoising"), ("latent_map.py", "codes")}
    other |= {("sampling.py", "prior"), ("manifold.py", "prior"), ("schema.py", "kl"), ("schema_result.py", "prior")}
    other |= {("detector_folder.py", "kl")}  # an anomaly score
    files = [path for folder in ("aecore", "ui", "pages") for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 100
    found = [
        f"{path.relative_to(ROOT)}:{line} {text!r}"
        for path in files
        if path.name not in DOCUMENTS
        for line, text in decisions(ast.parse(path.read_text()))
        if text in names and (path.name, text) not in other
    ]
    assert not found


def test_that_look_would_notice():
    code = """
if config.family == "denoising": pass
price = config.params.get("beta", 1.0)
fooled = parts["discriminator"]
if part in ("kl", "mmd"): pass
"""
    assert [text for _, text in decisions(ast.parse(code))] == ["denoising", "beta", "discriminator", "kl", "mmd"]


def test_terms_that_compare_codes_with_the_prior_are_those_of_the_papers():
    asking = {
        name for name, each in FAMILIES.items() if any(part.term.matches_prior for part in each.loss_terms.values())
    }
    assert asking == {
        "vae", "beta-vae", "conditional-vae", "beta-tcvae", "info-vae", "wae", "ladder-vae", "aae",
        "wae-gan", "aae-clusters", "factor-vae",
        "delta-vae", "flow-vae", "real-nvp",
        "semi-supervised-vae", "multimodal",
    }  # fmt: skip
    assert not loss_terms.L1.matches_prior and loss_terms.MMD.matches_prior
