"""The judge: a frozen classifier that travels with a model and is no part of it."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from export.bundle import Written, write_bundle
from export.graphs import Judge, wrap
from hub import open_model
from tests.export.stand_ins import trained
from training.data.dataset import DataInfo, absent_data
from training.evaluation import judge_of
from training.features import fashion_features, fashion_probabilities


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return write_bundle(trained(judge=True), tmp_path_factory.mktemp("judged") / "bundle")


def test_it_is_one_file_for_all_variants_and_not_among_the_weights(judged: Written) -> None:
    variants = judged.bundle.variants
    assert len(variants) > 1 and {each.files["judge"].path for each in variants.values()} == {"onnx/judge.onnx"}
    assert any("'judge' stays fp32, since it is an instrument" in sentence for sentence in judged.refused)
    assert not [name for name in load_file(judged.folder / "model.safetensors") if name.startswith("judge")]


def test_it_names_its_classes_without_making_the_model_conditional(judged: Written) -> None:
    bundle = judged.bundle
    assert bundle.labels == ("red", "green", "blue") and not bundle.conditional
    probabilities = open_model(judged.folder).judge(open_model(judged.folder).sample(4))
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_its_weights_are_not_counted_as_the_models(judged: Written) -> None:
    assert judged.bundle.parameters == trained().parameters
    assert "no part of the model and not counted" in (judged.folder / "README.md").read_text(encoding="utf-8")


def test_probabilities_sum_to_one_in_half_precision_too() -> None:
    subject = trained(judge=True)
    half = wrap("sample", subject.modules, subject.sizes)["judge"].half()
    found = half.run({"image": subject.held_out.images[:7]})["probabilities"]
    assert found.dtype == np.float32 and np.allclose(found.sum(axis=1), 1, atol=1e-6)


def test_the_fashion_judge_sees_padded_pictures_as_the_evaluator_does() -> None:
    info = DataInfo("fashion", "Fashion", "", "", "MIT")
    judge = judge_of(absent_data(info, 32, 1))
    assert judge is not None
    images = np.random.RandomState(0).randint(0, 256, (6, 32, 32, 1), dtype=np.uint8)
    found = Judge(judge)(torch.from_numpy(images)).numpy()
    assert np.allclose(found, fashion_probabilities(fashion_features(images)), atol=1e-6)


def test_other_pictures_have_no_judge() -> None:
    assert judge_of(absent_data(DataInfo("emoji", "Emoji", "", "", "MIT"), 32, 3)) is None
    assert judge_of(absent_data(DataInfo("fashion", "Fashion", "", "", "MIT"), 16, 1)) is None
