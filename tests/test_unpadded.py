"""Texts in one row get the answers that each gets alone from the model itself."""

import pytest
import torch
import transformers

from tuner.unpadded import unpadded

# Together more tokens than any of the models has positions.
LENGTHS = [2, 17, 1, 40, 9, 33]
PADDING = 0
WIDE = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 64}
SIZES = WIDE | {"vocab_size": 50, "max_position_embeddings": 48, "pad_token_id": PADDING, "num_labels": 3}


def model_of(kind, **settings):
    config = transformers.AutoConfig.for_model(kind, **(SIZES | settings))
    torch.manual_seed(0)
    model = transformers.AutoModelForSequenceClassification.from_config(config).eval()
    for weight in model.parameters():  # the library's own are so small that all texts get nearly one answer
        if weight.dim() > 1:
            torch.nn.init.normal_(weight, std=0.2)
    return model


def texts():
    generator = torch.Generator().manual_seed(1)
    return [torch.randint(1, 50, (length,), generator=generator).tolist() for length in LENGTHS]


@pytest.mark.parametrize("kind", ["bert", "electra", "roberta", "xlm-roberta"])
@torch.inference_mode()
def test_a_text_gets_the_answer_that_it_gets_alone(kind):
    model, rows = model_of(kind), texts()
    rows[1][5] = PADDING  # a text can hold the word that texts are padded with; RoBERTa does not count it
    alone = torch.cat([model(torch.tensor([row]), attention_mask=torch.ones(1, len(row))).logits for row in rows])
    torch.testing.assert_close(unpadded(model)(rows), alone, atol=1e-5, rtol=1e-5)
    assert (alone[0] - alone[1]).abs().max() > 0.01


@torch.inference_mode()
def test_the_model_given_stays_as_it_is():
    model, row = model_of("bert"), torch.tensor([texts()[1]])
    before = model(row, output_hidden_states=True)
    unpadded(model)(texts())
    after = model(row, output_hidden_states=True)
    assert torch.equal(after.logits, before.logits)
    assert after.hidden_states[-1].shape == (1, LENGTHS[1], WIDE["hidden_size"])


@pytest.mark.parametrize("settings", [{"attn_implementation": "eager"}, {"is_decoder": True}])
def test_other_attention_is_left_to_the_library(settings):
    assert unpadded(model_of("bert", **settings)) is None


@pytest.mark.parametrize("architecture", ["gpt2", "distilbert", "modernbert"])
def test_heads_that_read_otherwise_are_left_to_the_library(architecture, tiny_models):
    assert unpadded(transformers.AutoModelForSequenceClassification.from_pretrained(tiny_models[architecture])) is None
