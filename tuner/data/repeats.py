"""Texts that stand in the data more than once: exactly, but for case and blanks, or nearly."""

import hashlib
import zlib
from collections.abc import Sequence

import numpy as np

# A near duplicate shares this much of the character 5-grams of both texts (Jaccard similarity).
LEAST_SIMILARITY = 0.8
# 20,000 tweets, or 4 million characters, take about 4 s on one core and 0.6 GB: the search ends where either is reached.
MOST_COMPARED = 20_000
MOST_CHARACTERS = 4_000_000
_SHINGLE = 5
_PERMUTATIONS = 64


def repeat_keys(*parts: Sequence[str]) -> list[np.ndarray]:
    """For every part a whole number per text; two texts of any part have the same one if they differ in case and blanks alone.

    Unicode's compatible forms (NFKC) count as equal, too.
    """
    import pyarrow as pa

    normalised = pa.concat_arrays([_normalised(texts) for texts in parts])
    codes = normalised.dictionary_encode().indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return np.split(codes, np.cumsum([len(texts) for texts in parts])[:-1])


def repeat_digests(texts: Sequence[str]) -> np.ndarray:
    """For every text 64 bits (uint64) that are the same where `repeat_keys` has the same number; they may be kept."""
    found = (hashlib.blake2b(text.encode(), digest_size=8).digest() for text in _normalised(texts).to_pylist())
    return np.frombuffer(b"".join(found), dtype="<u8")


def first_of_each(keys: np.ndarray) -> np.ndarray:
    """Positions of the first row of every key, in the order of the rows."""
    return np.sort(np.unique(keys, return_index=True)[1])


def overlap(texts: Sequence[str], training: Sequence[str]) -> int:
    """How many of the texts stand among the training texts, but for case and blanks."""
    keys, seen = repeat_keys(texts, training)
    return int(np.isin(keys, seen).sum())


def near_duplicates(texts: Sequence[str]) -> tuple[np.ndarray, int]:
    """Positions of texts that nearly repeat an earlier one, and how many texts were compared (the first ones, see above).

    Exact repeats are none of these, but those of a near repeat are. Candidates come from MinHash with locality-sensitive
    hashing (Broder 1997), and each is checked by its true Jaccard similarity.
    """
    from datasketch import MinHash, MinHashLSH

    ends = np.cumsum([len(text) for text in texts[:MOST_COMPARED]])
    looked_at = texts[: int((ends <= MOST_CHARACTERS).sum())]
    keys = repeat_keys(looked_at)[0]
    different = first_of_each(keys)
    normalised = _normalised([looked_at[i] for i in different]).to_pylist()
    sets = [{text[i : i + _SHINGLE].encode() for i in range(max(1, len(text) - _SHINGLE + 1))} for text in normalised]
    sketches = MinHash.bulk(sets, num_perm=_PERMUTATIONS, seed=1, hashfunc=zlib.crc32)
    index = MinHashLSH(threshold=LEAST_SIMILARITY, num_perm=_PERMUTATIONS)
    found = []
    for number, (sketch, shingles) in enumerate(zip(sketches, sets, strict=True)):
        if any(_similarity(shingles, sets[other]) >= LEAST_SIMILARITY for other in index.query(sketch)):
            found.append(different[number])
        else:
            index.insert(number, sketch)
    return np.flatnonzero(np.isin(keys, keys[np.array(found, dtype=np.int64)])), len(looked_at)


def _similarity(one: set[bytes], other: set[bytes]) -> float:
    return len(one & other) / len(one | other)


def _normalised(texts: Sequence[str]):  # noqa: ANN202 (a pyarrow.Array)
    import pyarrow as pa
    import pyarrow.compute as pc

    lowered = pc.utf8_lower(pc.utf8_normalize(pa.array(texts, pa.large_string()), "NFKC"))
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(lowered, r"\s+", " "))
