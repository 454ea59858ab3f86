"""Sign vectors as 64-bit words: bit ``i % 64`` of word ``i // 64`` is entry i, unused bits are zero."""

import numpy as np

from .kernels import compiled

ONE = np.uint64(1)


def n_words(n):
    """Return how many words hold `n` bits."""
    return (n + 63) // 64


def pack(masks):
    """Return the words (P, n_words) of boolean `masks` (P, n)."""
    masks = np.asarray(masks, dtype=bool)
    octets = np.zeros((len(masks), 8 * n_words(masks.shape[1])), dtype=np.uint8)
    packed = np.packbits(masks, axis=1, bitorder="little")
    octets[:, : packed.shape[1]] = packed
    return octets.view("<u8").astype(np.uint64, copy=False)


def unpack(words, n):
    """Return the boolean masks (P, n) of `words` (P, n_words)."""
    octets = np.ascontiguousarray(words.astype("<u8", copy=False)).view(np.uint8)
    return np.unpackbits(octets, axis=1, count=n, bitorder="little").view(bool)


def all_ones(n):
    """Return the words of `n` bits that are all 1."""
    return pack(np.ones((1, n), dtype=bool))[0]


def as_keys(words):
    """Return one fixed-length byte string per row, for sorting and set operations."""
    return np.ascontiguousarray(words).view(np.dtype((np.void, 8 * words.shape[1])))[:, 0]


@compiled
def complement_into(words, ones, target):
    """Write the complement of every row of `words` into `target`."""
    for i in range(words.shape[0]):
        for w in range(words.shape[1]):
            target[i, w] = words[i, w] ^ ones[w]


@compiled
def expand_into(words, line, flipped, target):
    """Write masks over rows from masks over lines: row i repeats or flips bit ``line[i]``; line -1 means True."""
    for c in range(words.shape[0]):
        target[c] = 0
        for i in range(len(line)):
            bit = ONE
            if line[i] >= 0:
                bit = (words[c, line[i] >> 6] >> np.uint64(line[i] & 63)) & ONE
                bit ^= np.uint64(flipped[i])
            target[c, i >> 6] |= bit << np.uint64(i & 63)


@compiled
def hashes(words):
    """Return a 64-bit hash of every row."""
    out = np.empty(words.shape[0], dtype=np.uint64)
    for i in range(words.shape[0]):
        h = np.uint64(0x9E3779B97F4A7C15)
        for w in range(words.shape[1]):
            # One round of a multiplicative hash (SplitMix64) for every word.
            h = (h ^ words[i, w]) * np.uint64(0xBF58476D1CE4E5B9)
            h ^= h >> np.uint64(29)
        out[i] = h
    return out
