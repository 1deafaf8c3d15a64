"""Texts in one row answer as each alone does, and the model they came from stays as it was."""

import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from tuner.structure.anatomy import READ_THE_FIRST_TOKEN
from tuner.unpadded import unpadded

# Of several lengths; 1 is the padding token of those like RoBERTa, which a text may hold as written.
TEXTS = [[2, 9, 4, 7, 3], [2, 3], [2, 5, 1, 8, 6, 1, 4, 3], [2, 11, 3]]


def classifier(kind, **settings):
    torch.manual_seed(0)
    sizes = {"vocab_size": 20, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 64}
    config = AutoConfig.for_model(kind, **sizes, max_position_embeddings=40, num_labels=3, initializer_range=0.5, **settings)
    return AutoModelForSequenceClassification.from_config(config, attn_implementation="sdpa").eval()


@pytest.mark.parametrize("kind", READ_THE_FIRST_TOKEN)
def test_together_they_answer_as_each_alone(kind):
    model = classifier(kind)
    with torch.inference_mode():
        alone = torch.cat([model(input_ids=torch.tensor([text])).logits for text in TEXTS])
        found = unpadded(model)(TEXTS)
        assert not torch.allclose(alone[0], alone[1], atol=1e-2)
        torch.testing.assert_close(found, alone, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(model(input_ids=torch.tensor(TEXTS[:1])).logits, alone[:1])


def test_a_model_of_one_layer_has_no_lower_ones():
    model = classifier("bert")
    model.bert.encoder.layer = model.bert.encoder.layer[:1]
    with torch.inference_mode():
        torch.testing.assert_close(unpadded(model)(TEXTS)[1:2], model(input_ids=torch.tensor(TEXTS[1:2])).logits)


@pytest.mark.parametrize(("kind", "settings"), [("distilbert", {}), ("bert", {"is_decoder": True})])
def test_where_it_is_not_known_how_there_is_none(kind, settings):
    assert unpadded(classifier(kind, **settings)) is None
