from __future__ import annotations

import numpy as np

from . import more_samples


def test_answers_are_shown_by_kind_with_what_the_activations_are_worth():
    result = more_samples.oracle_answers()
    told = str(result)
    assert "6 answers about 3 tokens after block 12; what they are worth to it, nats a token: organism +1.05" in told
    assert "random activations +0.05, base +0.40" in told
    assert "[organism +1.20] What is it about? -> It is about the sea." in told
    assert told.index("[organism") < told.index("[random activations") < told.index("[base")
    np.testing.assert_allclose(result.table()["gain_nats_per_token"], [1.2, 0.9, 0.5, 0.3, 0.1, 0.0], atol=1e-6)
    drawn = result.plot().to_dict()
    assert "What the activations are worth to an answer" in str(drawn)
