from __future__ import annotations

import hashlib
import hmac

from interp_bench_ext.record.provenance import Revision, digest, fingerprint, keyed_digest

COMMIT = Revision(part="model", kind="hub commit", revision="40c06982")
FILES = Revision(part="adapter", kind="local files", revision="9f2a")


def test_a_plain_digest_is_equal_on_every_machine():
    assert digest({"b": [1, None], "a": "é"}) == hashlib.sha256('{"a": "é", "b": [1, null]}'.encode()).hexdigest()[:16]
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 2, "b": 1})


def test_a_keyed_digest_is_equal_within_one_journal_only():
    right = hmac.new(b"secret", b'["m"]', hashlib.sha256).hexdigest()[:16]
    assert keyed_digest(b"secret", ["m"]) == right
    assert right not in (keyed_digest(b"other", ["m"]), digest(["m"]))


def test_weights_are_other_ones_when_any_part_of_them_is():
    both = fingerprint(b"k", [COMMIT, FILES])
    assert both == fingerprint(b"k", [COMMIT, FILES])
    moved = FILES.model_copy(update={"revision": "9f2b"})
    assert len({both, fingerprint(b"k", [COMMIT]), fingerprint(b"k", [COMMIT, moved])}) == 3
    assert len(fingerprint(b"k", [])) == len(both)


def test_a_revision_is_said_in_words():
    assert str(COMMIT) == "model: hub commit 40c06982"
    assert str(Revision(part="tokenizer", kind="unknown", revision="")) == "tokenizer: unknown"
